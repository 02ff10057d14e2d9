import Storage

/// The message of the `StorageError` that `body` throws, nil if it throws none.
func message(of body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as StorageError {
    return error.message
  } catch {
    return "not a StorageError: \(error)"
  }
}
