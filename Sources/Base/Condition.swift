/// What the samples of a data set or the inputs of a network are conditioned on: a class, a vector
/// of numbers, or both.
package struct ConditionShape: Sendable, Equatable {
  /// A sample's class is in 0 ..< `classes`; 0 for none.
  package var classes: Int
  /// Values of the vector; 0 for none.
  package var numbers: Int

  package init(classes: Int = 0, numbers: Int = 0) {
    precondition(classes >= 0 && numbers >= 0, "\(classes) classes and \(numbers) numbers")
    self.classes = classes
    self.numbers = numbers
  }

  /// No condition.
  package static let none = ConditionShape()

  package var isEmpty: Bool { classes == 0 && numbers == 0 }
}

/// The condition of one sample: a place in somebody else's memory, to be read and written.
///
/// Valid as long as that memory.
package struct Condition {
  private let place: UnsafeMutablePointer<Int32>
  /// The vector of numbers; empty for none.
  package let numbers: MutableFloatBuffer

  /// - Parameters:
  ///   - label: Where the class is; holds 0 where there are no classes.
  ///   - numbers: Where the vector is.
  package init(label: UnsafeMutablePointer<Int32>, numbers: MutableFloatBuffer) {
    place = label
    self.numbers = numbers
  }

  /// The class.
  package var label: Int {
    get { Int(place.pointee) }
    nonmutating set { place.pointee = Int32(truncatingIfNeeded: newValue) }
  }

  /// Overwrites class and numbers with those of another condition of the same shape.
  package func copy(from other: Condition) {
    precondition(
      numbers.count == other.numbers.count,
      "\(other.numbers.count) numbers into a condition of \(numbers.count)")
    place.pointee = other.place.pointee
    _ = numbers.update(fromContentsOf: other.numbers)
  }
}
