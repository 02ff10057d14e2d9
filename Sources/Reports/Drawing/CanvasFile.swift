import Base
import Pictures
import Storage

extension Canvas {
  /// What a picture's file can be, by the ending of its name.
  package enum Format: String, CaseIterable, Sendable {
    case png, svg, pdf

    /// The format that a file's name asks for.
    ///
    /// - Throws: `Fault` naming the endings that there are.
    package init(ofPath path: String) throws {
      let name = FileSystem.name(of: path)
      let ending = name.contains(".") ? name.split(separator: ".").last.map(String.init) : nil
      guard let format = ending.flatMap({ Format(rawValue: $0.lowercased()) }) else {
        throw Fault(
          "\(path): expected a picture's name that ends in "
            + Self.allCases.map { ".\($0.rawValue)" }.joined(separator: ", "))
      }
      self = format
    }
  }

  /// Writes the drawing as its file's name asks for.
  ///
  /// - Parameters:
  ///   - path: The file; its folder must be there.
  ///   - title: What an SVG file says that it is.
  /// - Throws: `Fault` for an unknown ending, and if the system refuses.
  package func write(to path: String, title: String = "") throws {
    switch try Format(ofPath: path) {
    case .png: try PNG.write(picture, to: path)
    case .svg: try FileSystem.writeAtomically(try SVGWriter.file(self, title: title), to: path)
    case .pdf: try FileSystem.writeAtomically(try PDFWriter.file(self), to: path)
    }
  }
}
