/// The product of sizes that a file claims.
///
/// - Parameter sizes: Any numbers.
/// - Returns: Nil where one is negative, or the product is too large for an integer; also where it
///   is so without those that are 0, as code multiplies parts of a shape.
package func checkedProduct(_ sizes: some Sequence<Int>) -> Int? {
  var product = 1
  var hasZero = false
  for size in sizes {
    guard size >= 0 else { return nil }
    guard size > 0 else {
      hasZero = true
      continue
    }
    let (next, overflow) = product.multipliedReportingOverflow(by: size)
    if overflow { return nil }
    product = next
  }
  return hasZero ? 0 : product
}
