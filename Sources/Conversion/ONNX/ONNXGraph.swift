import Base
import Foundation
import ONNXMessages

/// A value of a graph: samples of some sizes.
struct ONNXValue {
  var name: String
  /// Of a sample, outermost first.
  var sizes: [Int]
}

/// Puts together the nodes and constants of a graph.
///
/// Names of nodes, values and constants are unique: a second one of a name gets `_2`. Nodes stand
/// in the order in which they are added, each behind those that it reads.
struct ONNXGraph {
  private(set) var nodes: [ONNXNodeProto] = []
  private(set) var constants: [ONNXTensorProto] = []
  private var names: Set<String>

  /// - Parameter inputs: Names of the graph's inputs and outputs.
  init(reserved inputs: [String]) { names = Set(inputs) }

  /// Adds a node and gives the name of its first output: `PATH/Conv`.
  ///
  /// - Parameters:
  ///   - operation: The operator's name.
  ///   - inputs: Names of values; an empty one for an input that is left out.
  ///   - path: The layer's.
  ///   - attributes: The operator's.
  /// - Returns: The output's name, which is the node's too.
  mutating func node(
    _ operation: String, _ inputs: [String], at path: String,
    _ attributes: [ONNXAttributeProto] = []
  ) -> String {
    nodes(operation, inputs, at: path, attributes, outputs: 1)[0]
  }

  /// Adds a node and gives the names of its outputs.
  ///
  /// - Parameters:
  ///   - operation: The operator's name.
  ///   - inputs: Names of values; an empty one for an input that is left out.
  ///   - path: The layer's.
  ///   - attributes: The operator's.
  ///   - outputs: How many, at least 1.
  /// - Returns: Their names: `PATH/Split:0` and on, of a single one `PATH/Split`.
  mutating func nodes(
    _ operation: String, _ inputs: [String], at path: String,
    _ attributes: [ONNXAttributeProto] = [], outputs: Int
  ) -> [String] {
    let name = unused("\(path)/\(operation)")
    let names = outputs == 1 ? [name] : (0..<outputs).map { unused("\(name):\($0)") }
    nodes.append(
      .with {
        $0.name = name
        $0.opType = operation
        $0.input = inputs
        $0.output = names
        $0.attribute = attributes
      })
    return names
  }

  /// Adds a constant of single precision.
  ///
  /// - Parameters:
  ///   - name: As it is wanted.
  ///   - shape: Its sizes; none for a number.
  ///   - values: As many as the shape says, the last axis the fastest; stored as little-endian
  ///     bytes.
  /// - Returns: Its name, another where the wanted one was taken.
  mutating func constant(_ name: String, _ shape: [Int], _ values: [Float]) -> String {
    precondition(
      values.count == shape.reduce(1, *), "\(values.count) values of the shape \(shape)")
    let name = unused(name)
    constants.append(
      .with {
        $0.name = name
        $0.dims = shape.map(Int64.init)
        $0.dataType = Int32(ONNXTensorProto.DataType.float.rawValue)
        $0.rawData = values.withUnsafeBytes { Data($0) }
      })
    return name
  }

  /// A constant of one number, shared by all that ask for it.
  mutating func number(_ value: Double) -> String {
    shared("number/\(value)") { name, graph in
      _ = graph.constant(name, [], [Float(value)])
    }
  }

  /// A constant list of integers: sizes, axes, places; shared by all that ask for it.
  mutating func integers(_ values: [Int]) -> String {
    let text = values.map(String.init).joined(separator: ",")
    return shared("integers/\(text)") { name, graph in
      graph.names.insert(name)
      graph.constants.append(
        .with {
          $0.name = name
          $0.dims = [Int64(values.count)]
          $0.dataType = Int32(ONNXTensorProto.DataType.int64.rawValue)
          $0.rawData = values.map(Int64.init).withUnsafeBytes { Data($0) }
        })
    }
  }

  /// Gives a value another name; its node is the last that writes it.
  ///
  /// An input of the graph keeps its name, and an Identity gives it the other one: of a network
  /// whose layers do nothing.
  ///
  /// - Parameters:
  ///   - value: The name so far.
  ///   - name: One of those that were reserved.
  mutating func rename(_ value: String, to name: String) {
    guard let writer = nodes.lastIndex(where: { $0.output.contains(value) }) else {
      nodes.append(
        .with {
          $0.name = "\(name)/Identity"
          $0.opType = "Identity"
          $0.input = [value]
          $0.output = [name]
        })
      return
    }
    for index in writer..<nodes.count {
      nodes[index].input = nodes[index].input.map { $0 == value ? name : $0 }
      nodes[index].output = nodes[index].output.map { $0 == value ? name : $0 }
    }
  }

  /// The name of a constant that is made once, by the first who asks for it.
  private mutating func shared(
    _ name: String, make: (_ name: String, _ graph: inout ONNXGraph) -> Void
  ) -> String {
    if !names.contains(name) { make(name, &self) }
    return name
  }

  /// The name, or with `_2` and on behind it where it is taken; it is taken from then on.
  private mutating func unused(_ name: String) -> String {
    var found = name
    var number = 1
    while !names.insert(found).inserted {
      number += 1
      found = "\(name)_\(number)"
    }
    return found
  }
}

extension ONNXAttributeProto {
  /// A whole number.
  static func integer(_ name: String, _ value: Int) -> Self {
    .with {
      $0.name = name
      $0.type = .int
      $0.i = Int64(value)
    }
  }

  static func integers(_ name: String, _ values: [Int]) -> Self {
    .with {
      $0.name = name
      $0.type = .ints
      $0.ints = values.map(Int64.init)
    }
  }

  static func number(_ name: String, _ value: Double) -> Self {
    .with {
      $0.name = name
      $0.type = .float
      $0.f = Float(value)
    }
  }

  static func word(_ name: String, _ value: String) -> Self {
    .with {
      $0.name = name
      $0.type = .string
      $0.s = Data(value.utf8)
    }
  }
}
