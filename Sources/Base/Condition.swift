/// What the samples of a data set or the inputs of a network are conditioned on: a class, a vector
/// of numbers, or both.
package struct ConditionShape: Sendable, Equatable {
  /// A sample's class is in 0 ..< `classes`; 0 for none.
  package var classes: Int
  /// Values of the vector; 0 for none.
  package var numbers: Int
  /// Samples side by side in an input of the network (`Packing`): each has a class, and its part
  /// of the vector.
  package private(set) var members = 1

  package init(classes: Int = 0, numbers: Int = 0) {
    precondition(classes >= 0 && numbers >= 0, "\(classes) classes and \(numbers) numbers")
    self.classes = classes
    self.numbers = numbers
  }

  /// The conditions of `count` samples side by side.
  package func packed(_ count: Int) -> ConditionShape {
    precondition(count > 0 && members == 1, "\(count) packs of \(members) samples")
    var shape = self
    shape.numbers *= count
    shape.members = count
    return shape
  }

  /// Values of the vector that are one member's.
  package var memberNumbers: Int { numbers / members }

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

extension Condition {
  /// Runs `body` with a condition that lasts as long as the call: class 0, and zeros.
  ///
  /// - Parameters:
  ///   - shape: Of the condition.
  ///   - body: What writes and reads it.
  /// - Returns: What `body` returns.
  package static func withTemporary<Result>(
    _ shape: ConditionShape, _ body: (Condition) -> Result
  ) -> Result {
    var label: Int32 = 0
    return withUnsafeMutablePointer(to: &label) { label in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: shape.numbers) { numbers in
        numbers.initialize(repeating: 0)
        return body(Condition(label: label, numbers: numbers))
      }
    }
  }
}

/// What a sample is asked to be: a class, a vector of numbers, or both.
package struct ConditionValues: Sendable, Equatable {
  /// The class; nil where there are none.
  package var label: Int?
  /// The vector; empty where there is none.
  package var numbers: [Float]

  package init(label: Int? = nil, numbers: [Float] = []) {
    self.label = label
    self.numbers = numbers
  }

  /// Whether samples of this shape can be so.
  package func fits(_ shape: ConditionShape) -> Bool {
    (label.map { (0..<shape.classes).contains($0) } ?? (shape.classes == 0))
      && numbers.count == shape.numbers
  }

  /// Overwrites a condition.
  ///
  /// - Parameter condition: What these values fit; without a class or vector here it gets class 0
  ///   or zeros.
  package func copy(to condition: Condition) {
    precondition(
      numbers.isEmpty || numbers.count == condition.numbers.count,
      "\(numbers.count) numbers into a condition of \(condition.numbers.count)")
    condition.label = label ?? 0
    for index in condition.numbers.indices {
      condition.numbers[index] = numbers.isEmpty ? 0 : numbers[index]
    }
  }

  /// Whether a condition is what these values say, as far as they say anything.
  package func matches(_ condition: Condition) -> Bool {
    (label.map { $0 == condition.label } ?? true)
      && (numbers.isEmpty || numbers.elementsEqual(condition.numbers))
  }

  /// How far a condition is from what these values say: 0 where it matches, else the sum over the
  /// numbers of the squares of relative differences; infinite for another class.
  package func distance(to condition: Condition) -> Double {
    if matches(condition) { return 0 }
    if let label, label != condition.label { return .infinity }
    return zip(numbers, condition.numbers).reduce(0) { sum, pair in
      let scale = Double(max(abs(pair.0), abs(pair.1)))
      let difference = scale > 0 ? (Double(pair.0) - Double(pair.1)) / scale : 0
      return sum + difference * difference
    }
  }

  /// For headings: `3`, `0.5, 65536`, `3: 0.5`.
  package var heading: String { heading(classNames: []) }

  /// The heading with the class's name, where it has one.
  package func heading(classNames: [String]) -> String {
    let name = label.map { classNames.indices.contains($0) ? classNames[$0] : String($0) }
    let words = numbers.map { $0 == $0.rounded() && abs($0) < 1e9 ? "\(Int($0))" : "\($0)" }
    let parts = [name, words.isEmpty ? nil : words.joined(separator: ", ")]
    return parts.compactMap { $0 }.joined(separator: ": ")
  }
}
