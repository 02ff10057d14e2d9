import Foundation

/// The processor this runs on, as the operating system describes it.
package enum Processor {
  /// Name and instruction-set flags of the first core in /proc/cpuinfo.
  private static func field(_ name: String) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
      return nil
    }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name {
        return parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return nil
  }

  package static var name: String { field("model name") ?? "unknown processor" }

  /// What the kernels need beyond the processor's own, such as `avx2, fma`; nil for nothing.
  package static var missingFeatures: String? {
    #if arch(x86_64)
      guard let flags = field("flags") else { return nil }
      let present = Set(flags.split(separator: " ").map(String.init))
      let missing = ["avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "abm"].filter {
        !present.contains($0)
      }
      return missing.isEmpty ? nil : missing.joined(separator: ", ")
    #else
      return nil
    #endif
  }

  /// The widest vector level that the processor has: x86-64-v3 has AVX2, v4 AVX-512.
  package static var level: String {
    #if arch(x86_64)
      guard missingFeatures == nil else { return "below x86-64-v3" }
      let flags = Set((field("flags") ?? "").split(separator: " ").map(String.init))
      let v4 = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
      return v4.allSatisfy(flags.contains) ? "x86-64-v4" : "x86-64-v3"
    #else
      return "generic"
    #endif
  }

  /// The cores that this process may run on, its binding, as /proc/self/status lists them: `0-3,8`.
  package static var boundCores: [Int] {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") }),
      let list = line.split(separator: "\t").last
    else { return [] }
    return list.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last else { return [] }
      return Array(first...last)
    }
  }
}
