import Base
import KernelLayouts

/// The three products, and the transform of the filter.
extension Winograd {
  /// U of the filter w, for output channels `channels`: what `inputGradient` takes.
  ///
  /// Output channels are independent, so threads may share the work.
  package func transformFilter(
    _ w: FloatBuffer, into u: MutableFloatBuffer, channels: Range<Int>, scratch: MutableFloatBuffer
  ) {
    let g = geometry
    precondition(
      w.count == g.filterCount, "filter has \(w.count) values, expected \(g.filterCount)")
    precondition(
      u.count == transformedFilterCount,
      "transformed filter has \(u.count) values, expected \(transformedFilterCount)")
    precondition(
      scratch.count >= WinogradTables.workCount,
      "scratch of \(scratch.count) values, expected \(WinogradTables.workCount)")
    guard let w = w.baseAddress, let u = u.baseAddress, let work = scratch.baseAddress else {
      return
    }
    WinogradTables.with(work: work) { tables in
      for (number, slice) in slices.enumerated() {
        let phase = phases[slice.phase]
        for panel in 0..<slice.panels {
          let firstChannel = (slice.firstPanel + panel) * 16
          // Only read through.
          let filter = UnsafeMutablePointer(
            mutating: w + channels.lowerBound * g.patchCount + firstChannel)
          placeTaps(tables, filter, phase)
          let (pointRows, pointColumns) = forEachPoint(of: phase) { entry, index in
            tables.panel[entry] =
              u + part(number, index).filterOffset
              + (panel * g.outputChannels + channels.lowerBound) * 16
            tables.panelNext[entry] = 16
          }
          let tile = WinogradTile(
            rows: phase.row.taps, columns: phase.column.taps, pointRows: pointRows,
            pointColumns: pointColumns)
          // Channel by channel along the points' panels: as many streams as points.
          for _ in channels {
            tables.evaluateTaps(tile, channels: min(16, g.inputChannels - firstChannel))
            tables.advance(rows: pointRows)
          }
        }
      }
    }
  }

  /// U with its panels holding outputs side by side instead of inputs: what `forward` takes.
  ///
  /// Threads divide the work: each makes `part` of so many.
  package func transposeFilter(
    _ u: FloatBuffer, into target: MutableFloatBuffer, part share: Int = 0, of shares: Int = 1
  ) {
    precondition(
      u.count == transformedFilterCount && target.count >= transposedFilterCount,
      "\(u.count) values into \(target.count), expected \(transformedFilterCount) into "
        + "\(transposedFilterCount)")
    guard let u = u.baseAddress, let target = target.baseAddress else { return }
    let channels = geometry.outputChannels
    let count = self.parts.buffer.count
    for number in share * count / shares..<(share + 1) * count / shares {
      let part = self.parts.pointer[number]
      guard part.isUsed else { continue }
      let panels = slices[number / points.count].panels
      for inner in 0..<panels {
        for panel in 0..<outputPanels {
          PanelProduct.transpose(
            rows: min(16, channels - panel * 16),
            u + part.filterOffset + (inner * channels + panel * 16) * 16,
            into: target + part.transposedOffset + (panel * panels + inner) * 256)
        }
      }
    }
  }

  /// y = conv(x, w) + bias, from the transposed filter; overwrites y.
  ///
  /// `bias` has a value an output channel, or is nil for none.
  package func forward(
    images: Int, input x: FloatBuffer, transposedFilter u: FloatBuffer, bias: FloatBuffer?,
    output y: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    checkCounts(images, x.count, y.count)
    precondition(
      u.count >= transposedFilterCount,
      "transposed filter has \(u.count) values, expected \(transposedFilterCount)")
    if let bias {
      precondition(
        bias.count == geometry.outputChannels,
        "bias has \(bias.count) values, expected \(geometry.outputChannels)")
    }
    guard let x = x.baseAddress, let u = u.baseAddress, let y = y.baseAddress else { return }
    forEachPiece(images, limit: Self.pieceCount, scratch) { first, count, space in
      for slice in slices.indices {
        gatherInputs(x + first * geometry.inputCount, images: count, slice, space)
        multiplyForward(u, images: count, slice, space, into: space.output)
      }
      collectOutputs(
        y + first * geometry.outputCount, images: count, bias: bias?.baseAddress, space.output,
        space)
    }
  }

  /// M = V U^T of the first slice, which has all points, M += V U^T of the others.
  private func multiplyForward(
    _ u: UnsafePointer<Float>, images: Int, _ slice: Int, _ space: Workspace,
    into output: UnsafeMutablePointer<Float>
  ) {
    let panels = slices[slice].panels
    for index in 0..<points.count {
      let part = part(slice, index)
      guard part.isUsed else { continue }
      let tiles = images * point(index).tiles
      let target = outputMatrix(index, images: images, output)
      PanelProduct.multiply(
        .init(
          rows: tiles, steps: panels * 16, panels: outputPanels, aPanel: tiles * 16,
          bPanel: panels * 256, cRow: 16, cPanel: tiles * 16),
        inputMatrix(slice, index, images: images, space), u + part.transposedOffset,
        adding: slice > 0 ? UnsafePointer(target) : nil, into: target)
    }
  }

  /// dx = the gradient of <dy, conv(x, w)> with respect to x, from the transformed filter;
  /// overwrites dx.
  package func inputGradient(
    images: Int, outputGradient dy: FloatBuffer, transformedFilter u: FloatBuffer,
    inputGradient dx: MutableFloatBuffer, scratch: MutableFloatBuffer
  ) {
    checkCounts(images, dx.count, dy.count)
    precondition(
      u.count == transformedFilterCount,
      "transformed filter has \(u.count) values, expected \(transformedFilterCount)")
    guard let dx = dx.baseAddress, let u = u.baseAddress, let dy = dy.baseAddress else { return }
    forEachPiece(images, limit: Self.pieceCount, scratch) { first, count, space in
      let dx = dx + first * geometry.inputCount
      evaluateOutputs(dy + first * geometry.outputCount, images: count, space)
      clearInputs(dx, images: count)
      for slice in slices.indices {
        multiplyBackward(u, images: count, slice, space)
        scatterInputs(dx, images: count, slice, space)
      }
    }
  }

  /// V = M U of a slice at every point.
  private func multiplyBackward(
    _ u: UnsafePointer<Float>, images: Int, _ slice: Int, _ space: Workspace
  ) {
    let channels = geometry.outputChannels
    for index in 0..<points.count {
      let part = part(slice, index)
      guard part.isUsed else { continue }
      let tiles = images * point(index).tiles
      PanelProduct.multiply(
        .init(
          rows: tiles, steps: channels, panels: slices[slice].panels, aPanel: tiles * 16,
          bPanel: channels * 16, cRow: 16, cPanel: tiles * 16),
        outputMatrix(index, images: images, space.output), u + part.filterOffset,
        into: inputMatrix(slice, index, images: images, space))
    }
  }

  /// dw = the gradient of <dy, conv(x, w)> with respect to w, added to dw or not; and, from the
  /// same transformed tensors, what else is asked for.
  ///
  /// - Parameters:
  ///   - images: Number of images in x and dy.
  ///   - x: The inputs, channels last.
  ///   - dy: The gradients at the outputs, channels last.
  ///   - accumulates: Whether dw is added to; otherwise it is overwritten.
  ///   - dw: The filter gradient, in the filter's order.
  ///   - also: A second product; the input gradient takes dy's transform, the output x's.
  ///   - scratch: Room for a piece of the images, transformed.
  package func filterGradient(
    images: Int, input x: FloatBuffer, outputGradient dy: FloatBuffer, accumulates: Bool = true,
    filterGradient dw: MutableFloatBuffer, also: Companion? = nil, scratch: MutableFloatBuffer
  ) {
    let g = geometry
    checkCounts(images, x.count, dy.count)
    precondition(
      dw.count == g.filterCount, "filter has \(dw.count) values, expected \(g.filterCount)")
    also?.check(self, images)
    if images == 0, !accumulates { dw.update(repeating: 0) }
    guard let x = x.baseAddress, let dw = dw.baseAddress, let dy = dy.baseAddress else { return }
    let outputs = if case .output? = also { 2 } else { 1 }
    forEachPiece(images, limit: Self.largestPieceCount, outputs: outputs, scratch) {
      first, count, space in
      let overwrites = !accumulates && first == 0
      evaluateOutputs(dy + first * g.outputCount, images: count, space)
      if case .inputGradient(let dx, _)? = also, let dx = dx.baseAddress {
        clearInputs(dx + first * g.inputCount, images: count)
      }
      for slice in slices.indices {
        gatherInputs(x + first * g.inputCount, images: count, slice, space)
        addFilterGradient(dw, images: count, slice, overwrites: overwrites, space)
        switch also {
        case .inputGradient(let dx, let u)?:
          guard let dx = dx.baseAddress, let u = u.baseAddress else { return }
          multiplyBackward(u, images: count, slice, space)
          scatterInputs(dx + first * g.inputCount, images: count, slice, space)
        case .output(_, let u)?:
          guard let u = u.baseAddress else { return }
          multiplyForward(u, images: count, slice, space, into: space.result)
        case nil: break
        }
      }
      if case .output(let y, _)? = also, let y = y.baseAddress {
        collectOutputs(y + first * g.outputCount, images: count, bias: nil, space.result, space)
      }
    }
  }

  /// The second product of a pass that needs a filter gradient.
  package enum Companion {
    /// dx, with the transformed filter: as `inputGradient`.
    case inputGradient(MutableFloatBuffer, transformedFilter: FloatBuffer)
    /// conv(x, w), with the transposed filter: as `forward` without a bias.
    case output(MutableFloatBuffer, transposedFilter: FloatBuffer)

    fileprivate func check(_ scheme: Winograd, _ images: Int) {
      let (values, expected, filter, filterCount) =
        switch self {
        case .inputGradient(let dx, let u):
          (dx.count, scheme.geometry.inputCount, u.count, scheme.transformedFilterCount)
        case .output(let y, let u):
          (y.count, scheme.geometry.outputCount, u.count, scheme.transposedFilterCount)
        }
      precondition(
        values >= images * expected && filter >= filterCount,
        "\(values) values and a filter of \(filter), expected \(images * expected) and "
          + "\(filterCount)")
    }
  }

  /// dw of a slice from V and M, some input and output channels at a time.
  private func addFilterGradient(
    _ dw: UnsafeMutablePointer<Float>, images: Int, _ slice: Int, overwrites: Bool,
    _ space: Workspace
  ) {
    let channels = geometry.outputChannels
    let panels = slices[slice].panels
    WinogradTables.with(work: space.work) { tables in
      for panel in stride(from: 0, to: panels, by: Self.gradientPanels) {
        for channel in stride(from: 0, to: channels, by: Self.gradientChannels) {
          addTaps(
            slice, panel..<min(panel + Self.gradientPanels, panels),
            channel..<min(channel + Self.gradientChannels, channels), images: images,
            overwrites: overwrites, dw, space, tables)
        }
      }
    }
  }

  /// Adds the gradient of a slice's taps, of some of its panels of input channels and some output
  /// channels, of which the first is a panel's first.
  private func addTaps(
    _ slice: Int, _ panels: Range<Int>, _ channels: Range<Int>, images: Int, overwrites: Bool,
    _ dw: UnsafeMutablePointer<Float>, _ space: Workspace, _ tables: WinogradTables
  ) {
    let g = geometry
    let phase = phases[slices[slice].phase]
    let panelCount = Self.gradientChannels * 16
    let pointCount = Self.gradientPanels * panelCount + Self.skew
    let (pointRows, pointColumns) = forEachPoint(of: phase) { entry, index in
      let tiles = images * point(index).tiles
      PanelProduct.multiplyTransposed(
        .init(
          rows: channels.count, steps: tiles, panels: panels.count, aPanel: tiles * 16,
          bPanel: tiles * 16, cRow: 16, cPanel: panelCount),
        outputMatrix(index, images: images, space.output) + channels.lowerBound * tiles,
        inputMatrix(slice, index, images: images, space) + panels.lowerBound * tiles * 16,
        into: space.filter + index * pointCount)
    }
    let tile = WinogradTile(
      rows: phase.row.taps, columns: phase.column.taps, pointRows: pointRows,
      pointColumns: pointColumns)
    for panel in panels {
      let firstChannel = (slices[slice].firstPanel + panel) * 16
      placeTaps(tables, dw + channels.lowerBound * g.patchCount + firstChannel, phase)
      let place = space.filter + (panel - panels.lowerBound) * panelCount
      _ = forEachPoint(of: phase) { entry, index in
        tables.panel[entry] = place + index * pointCount
        tables.panelNext[entry] = 16
      }
      for _ in channels {
        tables.collectTaps(
          tile, channels: min(16, g.inputChannels - firstChannel), overwriting: overwrites)
        tables.advance(rows: pointRows)
      }
    }
  }

  // MARK: - Pieces

  @inline(__always)
  private func forEachPiece(
    _ images: Int, limit: Int, outputs: Int = 1, _ scratch: MutableFloatBuffer,
    _ body: (_ first: Int, _ count: Int, _ space: Workspace) -> Void
  ) {
    let most = pieceImages(limit, outputs: outputs)
    let space = workspace(scratch, pieceImages: most)
    // Pieces of equal size.
    let pieces = max(1, (images + most - 1) / most)
    let step = (images + pieces - 1) / pieces
    var first = 0
    while first < images {
      let count = min(step, images - first)
      body(first, count, space)
      first += count
    }
  }

  @inline(__always)
  private func point(_ index: Int) -> Point { points.pointer[index] }

  @inline(__always)
  private func part(_ slice: Int, _ index: Int) -> Part {
    parts.pointer[slice * points.count + index]
  }

  /// V of a slice at a point: [panel][tile][16].
  @inline(__always)
  private func inputMatrix(
    _ slice: Int, _ index: Int, images: Int, _ space: Workspace
  ) -> UnsafeMutablePointer<Float> {
    space.input + images * part(slice, index).inputOffset + index * Self.skew
  }

  /// M at a point: [panel][tile][16].
  @inline(__always)
  private func outputMatrix(
    _ index: Int, images: Int, _ output: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    output + images * point(index).outputOffset + index * Self.skew
  }

  /// Calls `body` with table entry and number of every point that a phase uses.
  ///
  /// - Returns: The points' rows and columns.
  @inline(__always)
  private func forEachPoint(
    of phase: (row: WinogradAxis.Phase, column: WinogradAxis.Phase),
    _ body: (_ entry: Int, _ index: Int) -> Void
  ) -> (rows: Int, columns: Int) {
    let count = (
      rows: rows.points(rows.tiles[0], phase.row),
      columns: columns.points(columns.tiles[0], phase.column)
    )
    for i in 0..<count.rows {
      for j in 0..<count.columns { body(i * 8 + j, i * columns.points + j) }
    }
    return count
  }

  // MARK: - Tables

  /// The taps of a phase in the filter of one output channel, and the way to the next.
  @inline(__always)
  private func placeTaps(
    _ tables: WinogradTables, _ filter: UnsafeMutablePointer<Float>,
    _ phase: (row: WinogradAxis.Phase, column: WinogradAxis.Phase)
  ) {
    let g = geometry
    for i in 0..<phase.row.taps {
      let row = rows.tap(i, phase.row) * g.kernelWidth
      for j in 0..<phase.column.taps {
        tables.image[i * 8 + j] =
          filter + (row + columns.tap(j, phase.column)) * g.inputChannels
        tables.imageNext[i * 8 + j] = g.patchCount
      }
    }
  }

  /// Calls `body` for every tile of every image in a slice's phase, with the image side's table
  /// filled (`outside` where a pixel lies outside) and the panel side's.
  @inline(__always)
  private func forEachInputTile(
    _ x: UnsafeMutablePointer<Float>, images: Int, _ slice: Int, _ space: Workspace,
    _ tables: WinogradTables, outside: UnsafeMutablePointer<Float>,
    _ body: (_ shape: WinogradTile, _ a: Int, _ b: Int, _ image: Int) -> Void
  ) {
    let g = geometry
    let x = x + slices[slice].firstPanel * 16
    let phase = phases[slices[slice].phase]
    for (a, tileRow) in rows.tiles.enumerated() {
      let rowCount = rows.inputs(tileRow, phase.row)
      let top = rows.firstInput(tileRow, phase.row)
      for run in inputRuns[slices[slice].phase] {
        let tile = columns.tiles[run.lowerBound]
        let columnCount = columns.inputs(tile, phase.column)
        let shape = WinogradTile(
          rows: rowCount, columns: columnCount, pointRows: rows.points(tileRow, phase.row),
          pointColumns: columns.points(tile, phase.column))
        forEachTile(of: run, images: images, pointRows: shape.pointRows, tables) {
          b, image, isAlongRow in
          let tile = columns.tiles[b]
          let left = columns.firstInput(tile, phase.column)
          let next = isAlongRow ? tile.size * g.columns.stride * g.inputChannels : g.inputCount
          let x = x + image * g.inputCount
          for i in 0..<rowCount {
            let row = top + i * g.rows.stride
            let isRowInside = row >= 0 && row < g.inputHeight
            for j in 0..<columnCount {
              let column = left + j * g.columns.stride
              let isInside = isRowInside && column >= 0 && column < g.inputWidth
              let entry = i * 8 + j
              tables.image[entry] =
                isInside ? x + (row * g.inputWidth + column) * g.inputChannels : outside
              tables.imageNext[entry] = isInside ? next : 0
            }
          }
          for i in 0..<shape.pointRows {
            for j in 0..<shape.pointColumns {
              let index = i * columns.points + j
              place(
                tables, i * 8 + j, inputMatrix(slice, index, images: images, space), index, a, b,
                image, images: images, isAlongRow)
            }
          }
        } _: { b, image in
          body(shape, a, b, image)
        }
      }
    }
  }

  /// Calls `body` for every tile of a run and every image.
  ///
  /// Before it `fill` where the tables must be filled: for a tile of all images, or for a run of an
  /// image, whichever is longer. Otherwise the tables are advanced.
  @inline(__always)
  private func forEachTile(
    of run: Range<Int>, images: Int, pointRows: Int, _ tables: WinogradTables,
    fill: (_ tile: Int, _ image: Int, _ isAlongRow: Bool) -> Void,
    _ body: (_ tile: Int, _ image: Int) -> Void
  ) {
    let isAlongRow = run.count > images
    for outer in 0..<min(run.count, images) {
      let (tile, image) = isAlongRow ? (run.lowerBound, outer) : (run.lowerBound + outer, 0)
      fill(tile, image, isAlongRow)
      for inner in 0..<max(run.count, images) {
        body(tile + (isAlongRow ? inner : 0), image + (isAlongRow ? 0 : inner))
        tables.advance(rows: pointRows)
      }
    }
  }

  /// Sets the panel side's entry of one point, where V or M is `matrix`.
  @inline(__always)
  private func place(
    _ tables: WinogradTables, _ entry: Int, _ matrix: UnsafeMutablePointer<Float>, _ index: Int,
    _ a: Int, _ b: Int, _ image: Int, images: Int, _ isAlongRow: Bool
  ) {
    let point = point(index)
    let tile = (image * point.tileRows + a) * point.tileColumns + b
    tables.panel[entry] = matrix + tile * 16
    tables.panelStep[entry] = images * point.tiles * 16
    tables.panelNext[entry] = isAlongRow ? 16 : point.tiles * 16
  }

  /// Input channels of a slice.
  @inline(__always)
  private func channelCount(_ slice: Int) -> Int {
    let slice = slices[slice]
    return min(slice.panels * 16, geometry.inputChannels - slice.firstPanel * 16)
  }

  /// V of the images' inputs.
  private func gatherInputs(
    _ x: UnsafePointer<Float>, images: Int, _ slice: Int, _ space: Workspace
  ) {
    // Nothing reads the filter's scratch before the products: zeros for what is outside, where any
    // is.
    if form != .multiplication {
      space.filter.update(repeating: 0, count: slices[slice].panels * 16)
    }
    WinogradTables.with(work: space.work) { tables in
      // Only read through.
      let x = UnsafeMutablePointer(mutating: x)
      let channels = channelCount(slice)
      forEachInputTile(x, images: images, slice, space, tables, outside: space.filter) {
        shape, a, b, image in
        switch form {
        case .filtering:
          tables.gather(shape, channels: channels)
          clearUnused(shape, slice, a, b, image, images, space)
        case .multiplication: tables.evaluate(shape, channels: channels)
        }
      }
    }
  }

  /// Zeros where a product takes a tile and a phase that do not both need its point.
  @inline(__always)
  private func clearUnused(
    _ shape: WinogradTile, _ slice: Int, _ a: Int, _ b: Int, _ image: Int, _ images: Int,
    _ space: Workspace
  ) {
    let pointRows = rows.points(rows.tiles[a], rows.phases[0])
    let pointColumns = columns.points(columns.tiles[b], columns.phases[0])
    guard shape.pointRows < pointRows || shape.pointColumns < pointColumns else { return }
    for i in 0..<pointRows {
      for j in 0..<pointColumns where i >= shape.pointRows || j >= shape.pointColumns {
        let index = i * columns.points + j
        guard part(slice, index).isUsed else { continue }
        let point = point(index)
        let tile = (image * point.tileRows + a) * point.tileColumns + b
        let matrix = inputMatrix(slice, index, images: images, space)
        for panel in 0..<slices[slice].panels {
          (matrix + (panel * images * point.tiles + tile) * 16).update(repeating: 0, count: 16)
        }
      }
    }
  }

  /// Adds what a slice's V gives to dx, after `clearInputs`.
  private func scatterInputs(
    _ dx: UnsafeMutablePointer<Float>, images: Int, _ slice: Int, _ space: Workspace
  ) {
    WinogradTables.with(work: space.work) { tables in
      let channels = channelCount(slice)
      // What falls outside is added up where nothing is read after the products.
      forEachInputTile(dx, images: images, slice, space, tables, outside: space.filter) {
        shape, _, _, _ in
        switch form {
        case .filtering: tables.scatter(shape, channels: channels)
        case .multiplication: tables.collect(shape, channels: channels, bias: nil)
        }
      }
    }
  }

  /// Zeros to which the slices add; a product's slices have each input once, and overwrite it.
  private func clearInputs(_ dx: UnsafeMutablePointer<Float>, images: Int) {
    if form == .multiplication { return }
    dx.update(repeating: 0, count: images * geometry.inputCount)
  }

  /// Calls `body` for every tile of every image with the tables of outputs and their points.
  @inline(__always)
  private func forEachOutputTile(
    _ y: UnsafeMutablePointer<Float>, images: Int, _ output: UnsafeMutablePointer<Float>,
    _ tables: WinogradTables, _ body: (_ shape: WinogradTile) -> Void
  ) {
    let g = geometry
    for (a, tileRow) in rows.tiles.enumerated() {
      let pointRows = rows.points(tileRow, rows.phases[0])
      for run in outputRuns {
        let size = columns.tiles[run.lowerBound].size
        let pointColumns = columns.points(columns.tiles[run.lowerBound], columns.phases[0])
        let shape = WinogradTile(
          rows: tileRow.size, columns: size, pointRows: pointRows, pointColumns: pointColumns)
        forEachTile(of: run, images: images, pointRows: pointRows, tables) {
          b, image, isAlongRow in
          let y = y + image * g.outputCount
          for i in 0..<tileRow.size {
            for j in 0..<size {
              tables.image[i * 8 + j] =
                y + ((tileRow.first + i) * g.outputWidth + columns.tiles[b].first + j)
                * g.outputChannels
              tables.imageNext[i * 8 + j] = isAlongRow ? size * g.outputChannels : g.outputCount
            }
          }
          for i in 0..<pointRows {
            for j in 0..<pointColumns {
              let index = i * columns.points + j
              place(
                tables, i * 8 + j, outputMatrix(index, images: images, output), index, a, b, image,
                images: images, isAlongRow)
            }
          }
        } _: { _, _ in
          body(shape)
        }
      }
    }
  }

  /// y from M.
  private func collectOutputs(
    _ y: UnsafeMutablePointer<Float>, images: Int, bias: UnsafePointer<Float>?,
    _ output: UnsafeMutablePointer<Float>, _ space: Workspace
  ) {
    WinogradTables.with(work: space.work) { tables in
      switch form {
      case .filtering:
        forEachOutputTile(y, images: images, output, tables) {
          tables.collect($0, channels: geometry.outputChannels, bias: bias)
        }
      case .multiplication:
        fillOutputs(y, images: images, bias: bias)
        forEachOutputTile(y, images: images, output, tables) {
          tables.scatter($0, channels: geometry.outputChannels)
        }
      }
    }
  }

  /// The bias, or zeros, to which a product is added.
  private func fillOutputs(
    _ y: UnsafeMutablePointer<Float>, images: Int, bias: UnsafePointer<Float>?
  ) {
    let channels = geometry.outputChannels
    guard let bias else { return y.update(repeating: 0, count: images * geometry.outputCount) }
    for pixel in 0..<images * geometry.outputHeight * geometry.outputWidth {
      (y + pixel * channels).update(from: bias, count: channels)
    }
  }

  /// The gradient of M from dy.
  private func evaluateOutputs(
    _ dy: UnsafePointer<Float>, images: Int, _ space: Workspace
  ) {
    WinogradTables.with(work: space.work) { tables in
      // Only read through.
      let dy = UnsafeMutablePointer(mutating: dy)
      forEachOutputTile(dy, images: images, space.output, tables) {
        switch form {
        case .filtering: tables.evaluate($0, channels: geometry.outputChannels)
        case .multiplication: tables.gather($0, channels: geometry.outputChannels)
        }
      }
    }
  }

  private func checkCounts(_ images: Int, _ x: Int, _ y: Int) {
    let g = geometry
    precondition(
      x >= images * g.inputCount, "input side has \(x) values, expected \(images * g.inputCount)")
    precondition(
      y >= images * g.outputCount, "output side has \(y) values, expected \(images * g.outputCount)"
    )
  }
}
