import KernelLayouts
import VectorKernelsAVX2
import VectorKernelsAVX512

/// The transforms, as `VectorLevel` says: n points to the m pixels or taps of a row.
///
/// Inputs and outputs of `Winograd`'s filtering are named; its multiplication gathers and scatters
/// outputs, and evaluates and collects inputs.
extension WinogradTables {
  /// V_n^-T: inputs of a tile in one phase to its points; channels missing in the last panel become
  /// 0.
  @inline(__always)
  func gather(_ tile: WinogradTile, channels: Int) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).gather(tile, channels: channels)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).gather(tile, channels: channels)
    }
  }

  /// V_n^-1, the transpose of `gather`: adds to the inputs.
  @inline(__always)
  func scatter(_ tile: WinogradTile, channels: Int) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).scatter(tile, channels: channels)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).scatter(tile, channels: channels)
    }
  }

  /// V_m: outputs to their points; channels missing in the last panel become 0.
  @inline(__always)
  func evaluate(_ tile: WinogradTile, channels: Int) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).evaluate(tile, channels: channels)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).evaluate(tile, channels: channels)
    }
  }

  /// V_m^T, the transpose of `evaluate`: outputs are overwritten by their values with `bias`,
  /// channel by channel, added.
  @inline(__always)
  func collect(_ tile: WinogradTile, channels: Int, bias: UnsafePointer<Float>?) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).collect(tile, channels: channels, bias: bias)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).collect(tile, channels: channels, bias: bias)
    }
  }

  /// V_r: taps to their points: the at most 16 channels of one panel, those missing become 0.
  @inline(__always)
  func evaluateTaps(_ tile: WinogradTile, channels: Int) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).evaluateTaps(tile, channels: channels)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).evaluateTaps(tile, channels: channels)
    }
  }

  /// V_r^T: points to taps, overwritten or added: the at most 16 channels of one panel.
  @inline(__always)
  func collectTaps(_ tile: WinogradTile, channels: Int, overwriting: Bool) {
    if VectorLevel.usesAVX512 {
      VectorKernelsAVX512.WinogradTransforms(self).collectTaps(
        tile, channels: channels, overwriting: overwriting)
    } else {
      VectorKernelsAVX2.WinogradTransforms(self).collectTaps(
        tile, channels: channels, overwriting: overwriting)
    }
  }
}
