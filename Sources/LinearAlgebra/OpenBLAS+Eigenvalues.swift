import Base

/// Eigenvalues by LAPACK, which OpenBLAS has in it.
extension OpenBLAS {
  /// The arguments of LAPACK's `dsyevd`, in Fortran's way: everything by its address, the lengths
  /// of the two texts behind all.
  ///
  /// Job, triangle, order, A, its column's length, eigenvalues, Double scratch and its length,
  /// integer scratch and its length, outcome.
  typealias DSYEVD =
    @convention(c) (
      UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafePointer<Int32>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int32>, UnsafeMutablePointer<Double>,
      UnsafeMutablePointer<Double>, UnsafePointer<Int32>, UnsafeMutablePointer<Int32>,
      UnsafePointer<Int32>, UnsafeMutablePointer<Int32>, Int, Int
    ) -> Void

  /// The eigenvalues of a symmetric matrix by divide and conquer, in ascending order.
  ///
  /// - Parameters:
  ///   - matrix: order x order values, of which the lower triangle (row-major) is read.
  ///     Overwritten: row k by the unit eigenvector of value k, or by scratch without `vectors`.
  ///   - order: Rows and columns.
  ///   - vectors: Whether eigenvectors are wanted: several times the work.
  /// - Returns: The values.
  /// - Throws: `Fault` where the method does not converge, as with values that are not finite.
  package func symmetricEigenvalues(
    _ matrix: UnsafeMutablePointer<Double>, order: Int, vectors: Bool
  ) throws -> [Double] {
    guard order > 0 else { return [] }
    let count = Int32(order)
    var values = [Double](repeating: 0, count: order)
    var outcome: Int32 = 0
    // Row-major and below is column-major and above; A = A^T is the same in both.
    let (job, triangle) = (CChar(vectors ? 86 : 78), CChar(85))
    func call(_ work: inout [Double], _ integers: inout [Int32], _ isQuery: Bool) {
      withUnsafePointer(to: job) { job in
        withUnsafePointer(to: triangle) { triangle in
          withUnsafePointer(to: count) { count in
            dsyevd(
              job, triangle, count, matrix, count, &values, &work,
              [isQuery ? -1 : Int32(work.count)], &integers, [isQuery ? -1 : Int32(integers.count)],
              &outcome, 1, 1)
          }
        }
      }
    }
    // Asked with lengths of -1, it says how much scratch it wants.
    var (work, integers) = ([0.0], [Int32(0)])
    call(&work, &integers, true)
    work = [Double](repeating: 0, count: max(1, Int(work[0])))
    integers = [Int32](repeating: 0, count: max(1, Int(integers[0])))
    call(&work, &integers, false)
    guard outcome == 0 else {
      throw Fault(
        "the eigenvalues of a matrix of order \(order) were not found (dsyevd: \(outcome))")
    }
    return values
  }
}
