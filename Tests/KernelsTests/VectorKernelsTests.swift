import Base
import KernelLayouts
import Kernels
import TestSupport
import Testing
import VectorKernelsAVX2
import VectorKernelsAVX512

/// The summary names a known issue where the suite below is off.
@Test func kernelsForAVX512AreCompared() {
  withKnownIssue("no AVX-512 here: VectorKernelsTests compared nothing") {
    #expect(VectorLevel.usesAVX512)
  } when: {
    !VectorLevel.usesAVX512
  }
}

/// The module for AVX-512 against that for AVX2: the same bits, where the processor can run both.
@Suite(.enabled(if: VectorLevel.usesAVX512, "needs AVX-512"))
struct VectorKernelsTests {
  @Test(arguments: [1, 4, 7, 12, 16, 17, 31, 48], [(1, 45), (2, 16), (3, 1), (3, 45)])
  func productsHaveTheSameBits(rows: Int, sizes: (panels: Int, steps: Int)) throws {
    let (panels, steps) = sizes
    var data = TestData(seed: 6)
    let stepPanels = (steps + 15) / 16
    let a = data.normals(max(rows * stepPanels, steps * ((rows + 15) / 16)) * 16)
    let b = data.normals(steps * panels * 16)
    let start = data.normals(rows * panels * 16)
    for adds in [false, true] {
      let run = {
        (
          body: (
            UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>?,
            UnsafeMutablePointer<Float>
          ) -> Void
        ) in
        try start.changed { c in
          try a.read { a in
            try b.read { b in
              let c = try #require(c.baseAddress)
              body(
                try #require(a.baseAddress), try #require(b.baseAddress),
                adds ? UnsafePointer(c) : nil, c)
            }
          }
        }
      }
      let layout = ProductLayout(
        rows: rows, steps: steps, panels: panels, aPanel: rows * 16, bPanel: steps * 16, cRow: 16,
        cPanel: rows * 16)
      expectSameBits(
        try run { VectorKernelsAVX512.Products.multiply(layout, $0, $1, adding: $2, into: $3) },
        try run { VectorKernelsAVX2.Products.multiply(layout, $0, $1, adding: $2, into: $3) })
      var transposed = layout
      transposed.aPanel = steps * 16
      expectSameBits(
        try run {
          VectorKernelsAVX512.Products.multiplyTransposed(transposed, $0, $1, adding: $2, into: $3)
        },
        try run {
          VectorKernelsAVX2.Products.multiplyTransposed(transposed, $0, $1, adding: $2, into: $3)
        })
    }
  }

  /// Sizes with a transform of their own, and one without.
  static let tiles = [
    WinogradTile(rows: 4, columns: 4, pointRows: 5, pointColumns: 5),
    WinogradTile(rows: 4, columns: 3, pointRows: 5, pointColumns: 4),
    WinogradTile(rows: 2, columns: 2, pointRows: 3, pointColumns: 3),
    WinogradTile(rows: 4, columns: 4, pointRows: 6, pointColumns: 6),
    WinogradTile(rows: 6, columns: 6, pointRows: 8, pointColumns: 8),
    WinogradTile(rows: 6, columns: 4, pointRows: 8, pointColumns: 6),
    WinogradTile(rows: 4, columns: 6, pointRows: 6, pointColumns: 8),
    WinogradTile(rows: 3, columns: 3, pointRows: 8, pointColumns: 8),
    WinogradTile(rows: 4, columns: 4, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 4, columns: 3, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 3, columns: 4, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 2, columns: 2, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 2, columns: 1, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 1, columns: 2, pointRows: 4, pointColumns: 4),
    WinogradTile(rows: 2, columns: 3, pointRows: 4, pointColumns: 5),
  ]

  @Test(arguments: tiles, [16, 21, 40])
  func transformsHaveTheSameBits(tile: WinogradTile, channels: Int) {
    var data = TestData(seed: 7)
    let width = 64
    let image = data.normals(64 * width)
    let panel = data.normals(64 * width)
    let bias = data.normals(channels)
    let run = { (body: (WinogradTables) -> Void) -> [Float] in
      let (pixels, points) = (FloatStorage(count: 64 * width), FloatStorage(count: 64 * width))
      _ = pixels.buffer.update(fromContentsOf: image)
      _ = points.buffer.update(fromContentsOf: panel)
      let work = FloatStorage(count: WinogradTables.workCount)
      WinogradTables.with(work: work.pointer) { tables in
        for entry in 0..<64 {
          tables.image[entry] = pixels.pointer + entry * width
          tables.panel[entry] = points.pointer + entry * width
          tables.panelStep[entry] = 16
        }
        body(tables)
      }
      return Array(pixels.buffer) + Array(points.buffer)
    }
    bias.read { bias in
      expectSameBits(
        run { VectorKernelsAVX512.WinogradTransforms($0).gather(tile, channels: channels) },
        run { VectorKernelsAVX2.WinogradTransforms($0).gather(tile, channels: channels) })
      expectSameBits(
        run { VectorKernelsAVX512.WinogradTransforms($0).scatter(tile, channels: channels) },
        run { VectorKernelsAVX2.WinogradTransforms($0).scatter(tile, channels: channels) })
      for overwriting in [false, true] {
        expectSameBits(
          run {
            VectorKernelsAVX512.WinogradTransforms($0)
              .collectTaps(tile, channels: min(16, channels), overwriting: overwriting)
          },
          run {
            VectorKernelsAVX2.WinogradTransforms($0)
              .collectTaps(tile, channels: min(16, channels), overwriting: overwriting)
          })
      }
      expectSameBits(
        run {
          VectorKernelsAVX512.WinogradTransforms($0)
            .evaluateTaps(tile, channels: min(16, channels))
        },
        run {
          VectorKernelsAVX2.WinogradTransforms($0).evaluateTaps(tile, channels: min(16, channels))
        })
      expectSameBits(
        run { VectorKernelsAVX512.WinogradTransforms($0).evaluate(tile, channels: channels) },
        run { VectorKernelsAVX2.WinogradTransforms($0).evaluate(tile, channels: channels) })
      expectSameBits(
        run {
          VectorKernelsAVX512.WinogradTransforms($0)
            .collect(tile, channels: channels, bias: bias.baseAddress)
        },
        run {
          VectorKernelsAVX2.WinogradTransforms($0)
            .collect(tile, channels: channels, bias: bias.baseAddress)
        })
    }
  }
}
