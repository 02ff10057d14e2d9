import Base
import ONNXMessages
import Storage
import SwiftProtobuf

/// Evaluates models of the operators that `ONNXModel` writes: single precision, loop by loop, on
/// one thread.
///
/// It is what `export --check` compares a network with, so it shares no arithmetic with the layers:
/// every operator is written out as ONNX's document of operators has it. Files may be damaged or
/// others' own: sizes are checked before memory is taken, and whatever does not fit is a `Fault`
/// with the node's name.
package struct ONNXEvaluation {
  /// A model's input, as it says it is.
  package struct Input: Sendable, Equatable {
    package var name: String
    /// nil where any number will do.
    package var sizes: [Int?]
    package var isInteger: Bool
  }

  /// What a node is given, and may take.
  struct Call {
    let node: ONNXNodeProto
    /// nil for an input that is left out.
    let inputs: [ONNXArray?]
    /// The most elements of a value.
    let limit: Int
  }

  /// What computes a node's outputs of its inputs, in their order; it throws where they do not fit.
  typealias Operator = @Sendable (Call) throws -> [ONNXArray]

  /// By the names of operators; a model with another is refused when it is read.
  static let operators: [String: Operator] =
    elementwiseOperators.merging(productOperators) { $1 }
    .merging(poolingOperators) { $1 }.merging(normalizationOperators) { $1 }
    .merging(shapeOperators) { $1 }

  private let path: String
  private let limit: Int
  private let graph: ONNXGraphProto
  private let constants: [String: ONNXArray]
  /// The last node that reads a value.
  private let lastReaders: [String: Int]
  package let inputs: [Input]
  package var outputs: [String] { graph.output.map(\.name) }
  /// `generator` or `critic`, in our own files.
  package var name: String { graph.name }

  /// Reads a model.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - limit: The most elements of a value while it is evaluated.
  /// - Throws: `Fault` naming the file, where it is damaged or has other operators.
  package init(path: String, limit: Int = 1 << 28) throws {
    let bytes = try FileSystem.readFile(path, limit: 1 << 31)
    do {
      let model = try ONNXModelProto(serializedBytes: bytes)
      try self.init(model, path: path, limit: limit)
    } catch let fault as Fault {
      throw fault
    } catch { throw Fault("\(path): is no ONNX model, or damaged") }
  }

  /// Takes a model.
  ///
  /// - Parameters:
  ///   - model: With the one operator set that is known, and operators of the table.
  ///   - path: What errors call it.
  ///   - limit: The most elements of a value while it is evaluated.
  /// - Throws: `Fault` naming what is not as `export` writes it.
  package init(_ model: ONNXModelProto, path: String, limit: Int = 1 << 28) throws {
    self.path = path
    self.limit = limit
    graph = model.graph
    let sets = model.opsetImport.filter { $0.domain.isEmpty }.map { Int($0.version) }
    guard sets == [ONNXModel.operatorSet] else {
      throw Fault(
        "\(path): has the operator sets \(sets), expected [\(ONNXModel.operatorSet)]: is it an "
          + "ONNX model of `export`?")
    }
    for node in graph.node where Self.operators[node.opType] == nil {
      throw Fault(
        "\(path): node '\(printable(node.name))' is \(printable(node.opType)), which `export` does "
          + "not write")
    }
    do {
      constants = try Dictionary(
        graph.initializer.map { ($0.name, try ONNXArray($0)) }, uniquingKeysWith: { $1 })
      inputs = try graph.input.map(Self.input)
    } catch let fault as Fault { throw Fault("\(path): \(fault.message)") }
    var readers: [String: Int] = [:]
    for (index, node) in graph.node.enumerated() {
      for name in node.input { readers[name] = index }
    }
    lastReaders = readers
  }

  /// Name, sizes and type of an input of the graph; a size that is a text may be any.
  private static func input(_ value: ONNXValueInfoProto) throws -> Input {
    let type = value.type.tensorType
    let sizes = try type.shape.dim.map { dimension -> Int? in
      guard case .dimValue(let size) = dimension.value else { return nil }
      guard (0...Int64(Int32.max)).contains(size) else {
        throw Fault("the input '\(printable(value.name))' has a size of \(size)")
      }
      return Int(size)
    }
    return Input(
      name: value.name, sizes: sizes,
      isInteger: type.elemType == Int32(ONNXTensorProto.DataType.int64.rawValue))
  }

  /// Computes the outputs, node by node in the order of the file.
  ///
  /// A value is let go behind the last node that reads it.
  ///
  /// - Parameter inputs: By their names.
  /// - Returns: All outputs by their names.
  /// - Throws: `Fault` naming file and node.
  package func run(_ inputs: [String: ONNXArray]) throws -> [String: ONNXArray] {
    var values = constants.merging(inputs) { $1 }
    let kept = Set(outputs)
    for (index, node) in graph.node.enumerated() {
      do {
        let arguments = try node.input.map { name -> ONNXArray? in
          if name.isEmpty { return nil }
          guard let value = values[name] else {
            throw Fault("has no value '\(printable(name))' yet")
          }
          return value
        }
        for name in node.input where lastReaders[name] == index && !kept.contains(name) {
          values[name] = nil
        }
        guard let operation = Self.operators[node.opType] else { continue }
        let found = try operation(Call(node: node, inputs: arguments, limit: limit))
        guard found.count >= node.output.count else {
          throw Fault("has \(node.output.count) outputs, gives \(found.count)")
        }
        for (name, value) in zip(node.output, found) { values[name] = value }
      } catch let fault as Fault {
        throw Fault(
          "\(path): node '\(printable(node.name))', \(node.opType): \(fault.message)")
      }
    }
    var results: [String: ONNXArray] = [:]
    for name in outputs {
      guard let value = values[name] else {
        throw Fault("\(path): no node gives the output '\(printable(name))'")
      }
      results[name] = value
    }
    return results
  }
}

extension ONNXEvaluation.Call {
  /// An input that the operator needs.
  ///
  /// - Parameter index: From 0.
  /// - Returns: The value.
  /// - Throws: `Fault` where the node has it not, or has left it out.
  func array(_ index: Int) throws -> ONNXArray {
    guard index < inputs.count, let array = inputs[index] else {
      throw Fault("has no input \(index)")
    }
    return array
  }

  func floats(_ index: Int) throws -> [Float] { try array(index).floats() }
  func integers(_ index: Int) throws -> [Int] { try array(index).integers() }

  /// An input that may be left out.
  func optional(_ index: Int) -> ONNXArray? { index < inputs.count ? inputs[index] : nil }

  private func attribute(_ name: String) -> ONNXAttributeProto? {
    node.attribute.first { $0.name == name }
  }

  func integer(_ name: String, default usual: Int) -> Int {
    attribute(name).map { Int($0.i) } ?? usual
  }

  func number(_ name: String, default usual: Float) -> Float {
    attribute(name).map(\.f) ?? usual
  }

  func word(_ name: String, default usual: String) -> String {
    attribute(name).map { String(decoding: $0.s, as: UTF8.self) } ?? usual
  }

  /// Numbers of an attribute, so many of them; nil where it is left out.
  ///
  /// - Parameters:
  ///   - name: The attribute's.
  ///   - count: How many are expected.
  ///   - range: What each may be.
  /// - Returns: The numbers.
  /// - Throws: `Fault` where they are others.
  func numbers(_ name: String, count: Int, in range: ClosedRange<Int>) throws -> [Int]? {
    guard let found = attribute(name) else { return nil }
    let numbers = found.ints.map { Int($0) }
    guard numbers.count == count, numbers.allSatisfy(range.contains) else {
      throw Fault(
        "\(name) is \(numbers.prefix(8)), expected \(count) numbers in \(range.lowerBound) ... "
          + "\(range.upperBound)")
    }
    return numbers
  }

  /// Numbers of an attribute, however many.
  func numbers(_ name: String) -> [Int] { attribute(name)?.ints.map { Int($0) } ?? [] }

  /// The product of sizes that a value may have: to be asked for before its memory is.
  ///
  /// - Parameter sizes: Of the whole value.
  /// - Returns: Its elements.
  /// - Throws: `Fault` where they are more than the limit, or overflow.
  @discardableResult
  func count(_ sizes: [Int]) throws -> Int {
    guard let count = checkedProduct(sizes), count <= limit else {
      throw Fault("would give a value of \(sizes), expected at most \(limit) elements")
    }
    return count
  }

  /// An axis from the front; negative ones count from the back.
  func axis(_ axis: Int, of sizes: [Int]) throws -> Int {
    let found = axis < 0 ? axis + sizes.count : axis
    guard sizes.indices.contains(found) else {
      throw Fault("axis \(axis) of a value of \(sizes)")
    }
    return found
  }

  /// Refuses a wrong input: `expected` and what was expected, with what was found.
  func require(_ isRight: Bool, _ what: @autoclosure () -> String) throws {
    if !isRight { throw Fault("expected \(what())") }
  }
}
