import Foundation
import Storage
import TestSupport
import Testing

@Suite struct RunLeaseTests {
  private func take(
    _ folder: String, patience: Double = 0, staleAfter: Double = 60,
    boot: String = RunLease.currentBoot, report: (String) -> Void = { _ in }
  ) throws -> RunLease {
    try RunLease(
      folder: folder, patience: patience, staleAfter: staleAfter, boot: boot, report: report)
  }

  private func text(_ folder: String) throws -> String {
    String(decoding: try FileSystem.readFile("\(folder)/lock"), as: UTF8.self)
  }

  @Test func oneHolderAtATime() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      let refused = message { _ = try take(folder) }
      #expect(
        refused?.hasPrefix("\(folder): in use by process \(getpid()) on ") == true,
        "\(refused ?? "no error")")
      #expect(refused?.contains(" since 20") == true, "\(refused ?? "")")
      try lease.check()
      try lease.confirm()
      lease.release()
      lease.release()
      let next = try take(folder)
      #expect(message { _ = try take(folder) } != nil)
      next.release()
    }
  }

  /// The end of the object gives the folder back; the file stays, and says that it did.
  @Test func endsWithItsHolder() throws {
    try withTemporaryFolder { folder in
      for _ in 0..<3 { _ = try take(folder) }
      #expect(try text(folder).hasPrefix("process \(getpid()) on "))
      #expect(try text(folder).hasSuffix("state: released\n"))
    }
  }

  /// A holder that is about to end is waited for.
  @Test func isPatient() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { lease.release() }
      try take(folder, patience: 20).release()
    }
  }

  @Test func aFolderThatIsNotThere() throws {
    try withTemporaryFolder { folder in
      let found = message { _ = try take("\(folder)/none") }
      #expect(found?.hasPrefix("\(folder)/none/lock: cannot open: ") == true, "\(found ?? "")")
    }
  }

  // MARK: - Holders on other machines, where `flock` says nothing

  private func sign(_ folder: String, token: String, beat: Int, state: String = "held") throws {
    try FileSystem.writeAtomically(
      "process 1 on far since then\nboot: another\ntoken: \(token)\nbeat: \(beat)\n"
        + "state: \(state)\n",
      to: "\(folder)/lock")
  }

  /// One that gives no sign of life is dead after a while, one that went in order at once.
  @Test func aDeadHolderElsewhereIsFollowed() throws {
    try withTemporaryFolder { folder in
      try sign(folder, token: "a", beat: 3)
      var reports: [String] = []
      let start = DispatchTime.now().uptimeNanoseconds
      let lease = try take(folder, staleAfter: 0.4) { reports.append($0) }
      #expect(DispatchTime.now().uptimeNanoseconds - start >= 400_000_000)
      #expect(reports.count == 1 && reports[0].contains("held by process 1 on far since then"))
      #expect(try text(folder).hasPrefix("process \(getpid()) on "))
      lease.release()

      try sign(folder, token: "a", beat: 3, state: "released")
      try take(folder, staleAfter: 60) { reports.append($0) }.release()
      #expect(reports.count == 1)
    }
  }

  /// One whose beat moves is alive.
  @Test func aLivingHolderElsewhereIsLeftAlone() throws {
    try withTemporaryFolder { folder in
      try sign(folder, token: "a", beat: 3)
      DispatchQueue.global().asyncAfter(deadline: .now() + 0.3) {
        // In place, as a holder does it.
        if let file = fopen("\(folder)/lock", "r+") {
          fputs("process 1 on far since then\nboot: another\ntoken: a\nbeat: 4", file)
          fclose(file)
        }
      }
      let found = message { _ = try take(folder, staleAfter: 20) }
      #expect(
        found?.hasPrefix("\(folder): in use by process 1 on far since then") == true,
        "\(found ?? "no error")")
    }
  }

  /// Who was taken for dead finds the other's name, and writes no more.
  @Test func theFollowedOneIsFenced() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      try lease.confirm()
      try overwrite(folder)
      let found = message { try lease.confirm() }
      #expect(
        found?.hasPrefix("\(folder): taken over by process 2 on far since now") == true,
        "\(found ?? "no error")")
      // From now on without a look.
      let again = message { try lease.check() }
      #expect(again == found)
      lease.release()
      #expect(try text(folder).contains("token: b\n"))
    }
  }

  /// Who goes before it has looked signs nothing over the other's name.
  @Test func theFollowedOneGoesSilently() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      try overwrite(folder)
      lease.release()
      #expect(try text(folder).contains("token: b\nbeat: 1\nstate: held\n"))
    }
  }

  /// Of two that follow the same dead holder the later signature stands, and the other sees it.
  @Test func ofTwoFollowersOneStays() throws {
    try withTemporaryFolder { folder in
      try sign(folder, token: "a", beat: 3)
      // The other signs right behind this one, which looks again a twentieth of the time later.
      let other = Thread {
        for _ in 0..<20_000 {
          guard (try? self.text(folder).hasPrefix("process \(getpid()) on ")) != true else {
            try? self.overwrite(folder)
            return
          }
          usleep(500)
        }
      }
      other.start()
      let found = message { _ = try take(folder, staleAfter: 4) }
      #expect(
        found?.hasPrefix("\(folder): taken over by process 2 on far since now") == true,
        "\(found ?? "no error")")
    }
  }

  /// What a holder that was cut off had begun to write comes late, over the other's text.
  @Test func aLateBeatTakesNothing() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      try overwrite(folder, isLate: true)
      try lease.confirm()
      #expect(try text(folder).hasPrefix("process \(getpid()) on "))
      lease.release()
      #expect(try text(folder).hasSuffix("state: released\n"))
    }
  }

  /// Nor does it give the late one the folder back.
  @Test func theLateOneIsFenced() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      try overwriteAndBeatLate(folder)
      let found = message { try lease.confirm() }
      #expect(
        found?.hasPrefix("\(folder): taken over by process 2 on far") == true,
        "\(found ?? "no error")")
    }
  }

  /// Nor does the late one sign it free.
  @Test func theLateOneReleasesNothing() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder)
      try overwriteAndBeatLate(folder)
      lease.release()
      #expect(try text(folder).contains("\nstate: held\n"))
    }
  }

  /// Another machine's holder signs, and what this one had begun to write comes behind it.
  private func overwriteAndBeatLate(_ folder: String) throws {
    let own = try text(folder)
    try overwrite(folder)
    let file = try #require(fopen("\(folder)/lock", "r+"))
    fputs(own, file)
    fclose(file)
  }

  /// Another machine's holder signs in place, once the folder is its own.
  private func overwrite(_ folder: String, isLate: Bool = false) throws {
    if !isLate {
      try FileSystem.writeAtomically(
        "process 2 on far since now\ntoken: b\n", to: "\(folder)/lock-owner")
    }
    let file = try #require(fopen("\(folder)/lock", "r+"))
    fputs("process 2 on far since now\nboot: another\ntoken: b\nbeat: 1\nstate: held\n", file)
    fclose(file)
  }

  /// The beat in the background finds it too.
  @Test func theBeatMoves() throws {
    try withTemporaryFolder { folder in
      let lease = try take(folder, staleAfter: 0.3)
      let first = try text(folder)
      for _ in 0..<100 where try text(folder) == first { usleep(20_000) }
      #expect(try text(folder) != first)
      try overwrite(folder)
      for _ in 0..<100 {
        let text = message { try lease.check() }
        if text != nil { break }
        usleep(20_000)
      }
      let found = message { try lease.check() }
      #expect(found?.contains("taken over by process 2 on far") == true, "\(found ?? "no error")")
    }
  }

  // MARK: - Folders that go

  @Test(arguments: ["deleted", "renamed", "replaced"])
  func aFolderThatGoes(how: String) throws {
    try withTemporaryFolder { folder in
      let run = "\(folder)/run"
      try FileSystem.createDirectory(run)
      let lease = try take(run)
      switch how {
      case "deleted": try FileSystem.removeTree(run)
      case "renamed": try #require(rename(run, "\(folder)/other") == 0)
      default:
        try #require(rename(run, "\(folder)/other") == 0)
        try FileSystem.createDirectory(run)
        try FileSystem.writeAtomically("", to: "\(run)/lock")
      }
      let found = message { try lease.confirm() }
      let words = how == "replaced" ? "replaced by another" : "deleted or moved away"
      #expect(found?.contains(words) == true, "\(found ?? "no error")")
      let again = message { try lease.check() }
      #expect(again == found)
    }
  }
}
