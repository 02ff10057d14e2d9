import Base
import Collectives
import Foundation

/// The cores of a host and the ranks on it.
package struct CoreBinding: Equatable, Sendable {
  /// A rank's threads, and the cores that they may run on.
  package struct Rank: Equatable, Sendable {
    package var number: Int
    package var threads: Int
    package var cores: Set<Int>

    package init(number: Int, threads: Int, cores: Set<Int>) {
      self.number = number
      self.threads = threads
      self.cores = cores
    }
  }

  /// Ranks that are bound to the same cores.
  private struct Group {
    var ranks: [Rank]
    var cores: Set<Int> { ranks[0].cores }
    var threads: Int { ranks.reduce(0) { $0 + $1.threads } }
    var isCrowded: Bool { threads > cores.count }
  }

  package var host: String
  package var ranks: [Rank]
  /// The cores that the job could use here.
  package var available: Set<Int>

  package init(host: String, ranks: [Rank], available: Set<Int>) {
    self.host = host
    self.ranks = ranks
    self.available = available
  }

  private var groups: [Group] {
    var found: [Group] = []
    for rank in ranks where !rank.cores.isEmpty {
      if let index = found.firstIndex(where: { $0.cores == rank.cores }) {
        found[index].ranks.append(rank)
      } else {
        found.append(Group(ranks: [rank]))
      }
    }
    return found
  }

  private var threads: Int { ranks.reduce(0) { $0 + $1.threads } }

  /// Cores that no rank may use.
  private var idle: Set<Int> { ranks.reduce(available) { $0.subtracting($1.cores) } }

  /// What a launcher's option would mend: ranks that share cores while others are idle.
  package var misplacement: String? {
    let crowded = groups.filter(\.isCrowded)
    guard let first = crowded.first, !idle.isEmpty else { return nil }
    let each = first.ranks[0].threads
    return "\(Self.text(first)) on \(host) while \(Self.text(idle)) "
      + "\(idle.count == 1 ? "is" : "are") idle: start the ranks by mpirun --map-by "
      + "slot:PE=\(each) --bind-to core (or --bind-to none), or by srun "
      + "--cpus-per-task=\(each) --cpu-bind=cores"
  }

  /// What may be meant so: more threads than cores, or cores without one.
  package var remark: String? {
    guard misplacement == nil else { return nil }
    if let first = groups.first(where: \.isCrowded) {
      let count = available.count
      return "\(Self.text(first)) on \(host), which has no other for them: start at most \(count) "
        + "rank\(count == 1 ? "" : "s") of 1 thread there"
    }
    guard threads < available.count else { return nil }
    let left = available.count - threads
    return
      "\(left) of \(available.count) cores of \(host) \(left == 1 ? "has" : "have") nothing to "
      + "do: start more ranks, or set training.threads"
  }

  /// `4 ranks x 1 thread on 4 cores`.
  package var summary: String {
    let each = Set(ranks.map(\.threads)).sorted().map(String.init).joined(separator: " or ")
    return "\(host): \(ranks.count) rank\(ranks.count == 1 ? "" : "s") x \(each) "
      + "thread\(each == "1" ? "" : "s"), \(Self.text(available))"
  }

  private static func text(_ cores: Set<Int>) -> String {
    cores.isEmpty
      ? "cores unknown" : "core\(cores.count == 1 ? "" : "s") \(Processor.list(Array(cores)))"
  }

  private static func text(_ group: Group) -> String {
    let numbers = RankHosts.list(group.ranks.map(\.number))
    let each = group.ranks[0].threads
    if group.ranks.count == 1 {
      return "\(numbers) has \(each) threads for \(text(group.cores))"
    }
    return "\(numbers)\(each == 1 ? "" : " of \(each) threads") share \(text(group.cores))"
  }
}

extension CoreBinding {
  /// Cores that are told: as many as glibc's sets have.
  private static let most = 1024
  /// Of them in a number, which a Double holds exactly.
  private static let wordSize = 32

  /// Asks all ranks.
  ///
  /// - Parameters:
  ///   - threads: Of this rank.
  ///   - namesAll: Whether hosts have their names even where all is well.
  ///   - communicator: All ranks.
  /// - Returns: A binding a host, the same on all ranks.
  /// - Throws: `Fault` where the exchange fails.
  package static func ofHosts(
    threads: Int, namesAll: Bool, _ communicator: any Communicator
  ) throws -> [CoreBinding] {
    let own = ProcessInfo.processInfo.hostName
    let table = try communicator.gather(
      [Double(threads), LaunchComparison.number(own)] + words(Processor.boundCores)
        + words(Processor.availableCores))
    var hosts: [(number: Double, binding: CoreBinding)] = []
    for (rank, numbers) in table.enumerated() {
      let split = 2 + most / wordSize
      let entry = Rank(
        number: rank, threads: Int(numbers[0]), cores: cores(numbers[2..<split]))
      let available = cores(numbers[split...]).union(entry.cores)
      if let index = hosts.firstIndex(where: { $0.number == numbers[1] }) {
        hosts[index].binding.ranks.append(entry)
        hosts[index].binding.available.formUnion(available)
      } else {
        hosts.append((numbers[1], CoreBinding(host: own, ranks: [entry], available: available)))
      }
    }
    // Names take an exchange a rank.
    let isNamed = namesAll || hosts.contains { $0.binding.misplacement != nil }
    guard hosts.count > 1, isNamed else { return hosts.map(\.binding) }
    let names = try RankHosts(communicator)
    return hosts.map { _, binding in
      var binding = binding
      binding.host = names.names[binding.ranks[0].number]
      return binding
    }
  }

  private static func words(_ cores: [Int]) -> [Double] {
    var words = [UInt32](repeating: 0, count: most / wordSize)
    for core in cores where core < most { words[core / wordSize] |= 1 << UInt32(core % wordSize) }
    return words.map(Double.init)
  }

  private static func cores(_ words: ArraySlice<Double>) -> Set<Int> {
    Set(
      words.enumerated().flatMap { index, word in
        (0..<wordSize).filter { UInt32(word) >> UInt32($0) & 1 == 1 }.map { index * wordSize + $0 }
      })
  }
}
