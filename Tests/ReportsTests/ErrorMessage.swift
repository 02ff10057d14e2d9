import Pictures
import Reports

/// The message of the `ReportsError` or `PictureError` that `body` throws, nil if it throws none.
func message(of body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch let error as ReportsError {
    return error.message
  } catch let error as PictureError {
    return error.message
  } catch {
    return "not a ReportsError: \(error)"
  }
}
