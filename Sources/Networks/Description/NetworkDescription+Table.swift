import Base

extension NetworkDescription {
  /// Columns of a table at most.
  private static let width = 100

  /// A table of the layers: number, layer with its options, output, parameters, operations of a
  /// sample, algorithm; then the totals.
  ///
  /// Options with their default values are left out, and children stand below their layer,
  /// indented. Fits 100 columns: options that do not go on below.
  package var table: String { table(hasAlgorithms: true) }

  /// The same, perhaps without how products are computed.
  package func table(hasAlgorithms: Bool) -> String {
    var rows = layers.flatMap { Self.rows($0, depth: 0) }
    if !hasAlgorithms { for index in rows.indices { rows[index].algorithm = "" } }
    let totals = Row(
      place: "", layer: ["total"], output: "", parameters: Self.grouped(parameterCount),
      operations: Self.megaFLOP(operations), algorithm: "")
    let header = Row(
      place: "", layer: ["layer"], output: "output", parameters: "parameters", operations: "MFLOP",
      algorithm: hasAlgorithms ? "algorithm" : "")
    let all = [header] + rows + [totals]
    let others = [\Row.place, \.output, \.parameters, \.operations, \.algorithm].map { cell in
      all.map { $0[keyPath: cell].count }.max() ?? 0
    }
    let layer = max(24, Self.width - others.reduce(10, +))
    var table = TextTable([
      .text(header.place), .text("layer"), .text(header.output), .number(header.parameters),
      .number(header.operations), .text(header.algorithm),
    ])
    for row in all.dropFirst() {
      table.add([
        row.place, Self.wrapped(row.layer, to: layer).joined(separator: "\n"), row.output,
        row.parameters, row.operations, row.algorithm,
      ])
    }
    return "\(name): takes \(inputShape), gives \(outputShape)\n" + table.text
  }

  private struct Row {
    var place: String
    /// What is not broken into lines: the layer's kind, then its options, a name and value each.
    var layer: [String]
    var output: String
    var parameters: String
    var operations: String
    var algorithm: String
  }

  private static func rows(_ layer: LayerDescription, depth: Int) -> [Row] {
    let options = layer.options.filter { $0.origin != .byDefault }.map {
      "\($0.name) \($0.value.yaml)"
    }
    let indent = String(repeating: "  ", count: depth)
    let place = depth == 0 ? layer.path : placeInside(layer)
    let row = Row(
      place: depth == 0 ? place : "",
      layer: [indent + (depth == 0 ? "" : place) + layer.kind]
        + options.enumerated().map { $1 + ($0 + 1 < options.count ? "," : "") },
      output: "\(layer.outputShape)",
      parameters: layer.parameterCount == 0 ? "" : grouped(layer.parameterCount),
      operations: layer.operations == 0 ? "" : megaFLOP(layer.operations),
      algorithm: layer.algorithm ?? "")
    return [row] + layer.children.flatMap { rows($0, depth: depth + 1) }
  }

  /// What stands before a layer inside a composite one: its name, or its number with the branch,
  /// `main.1`, as the numbers alone do not tell the branches apart.
  private static func placeInside(_ layer: LayerDescription) -> String {
    if layer.kind == "branch" || layer.name == "" { return "" }
    return (layer.name ?? layer.path.split(separator: ".").suffix(2).joined(separator: ".")) + " "
  }

  /// Words in lines of at most `width` columns, where none is longer; further lines stand four
  /// columns in.
  private static func wrapped(_ words: [String], to width: Int) -> [String] {
    let indent = words[0].prefix { $0 == " " } + "    "
    var lines = [words[0]]
    for word in words.dropFirst() {
      if lines[lines.count - 1].count + 1 + word.count > width {
        lines.append(indent + word)
      } else {
        lines[lines.count - 1] += " " + word
      }
    }
    return lines
  }

  private static func megaFLOP(_ operations: Int) -> String {
    let value = Double(operations) / 1e6
    return value.fixed(3)
  }

  /// 1,066,880.
  private static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in "\(number)".enumerated() {
      if index > 0, ("\(number)".count - index).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }
}

extension [LayerDescription] {
  /// A line for each layer that changes the shape: number, name and output, for messages about
  /// sizes.
  ///
  /// - Parameters:
  ///   - input: What the first layer takes.
  ///   - marked: The number of a layer that is shown anyway, with an arrow; nil for none.
  ///   - note: What stands behind the arrow.
  ///   - misfit: The layer behind the last that could not be built; nil for none.
  /// - Returns: Lines without a line break at the end.
  func shapes(
    input: Shape, marked: Int? = nil, note: String = "", misfit: String? = nil
  ) -> String {
    var table = TextTable([.number(""), .text(""), .text("")])
    table.add(["", "input", "\(input)"])
    for (index, layer) in enumerated()
    where index == marked || layer.inputShape != layer.outputShape {
      let arrow = index == marked ? "  <- \(note)" : ""
      table.add(["\(index)", layer.kind, "\(layer.outputShape)\(arrow)"])
    }
    if let misfit { table.add(["\(count)", misfit, "<- does not fit"]) }
    return table.lines.map { "  " + $0 }.joined(separator: "\n")
  }
}

extension Double {
  /// With so many digits behind the point.
  fileprivate func fixed(_ digits: Int) -> String {
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((self * Double(scale)).rounded())
    guard digits > 0 else { return "\(whole)" }
    return "\(whole / scale)." + "\(scale + whole % scale)".dropFirst()
  }
}
