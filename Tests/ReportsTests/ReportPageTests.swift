import Foundation
import Pictures
import Reports
import Storage
import TestSupport
import Testing

/// The page about runs: what is in it, and that nothing from a file steers it.
@Suite struct ReportPageTests {
  private static func table(_ text: String, _ folder: String) throws -> MetricsTable {
    try FileSystem.writeAtomically(text, to: "\(folder)/t.csv")
    return try MetricsTable(path: "\(folder)/t.csv")
  }

  /// A run of two iterations, with two pictures.
  private static func run(_ name: String, _ folder: String, w: String = "0.123456789") throws
    -> RunPage
  {
    var run = RunPage(name: name, folder: "runs/\(name)")
    run.state = "done"
    run.metrics = try table(
      "iteration (count),w_distance (score),critic_loss (score),seconds (s)\n"
        + "1,\(w),9.25,0.5\n2,-1.5,nan,0.25\n", folder)
    run.scores = try table(
      "iteration (count),epoch (count),diversity (1),seconds (s)\n2,1,0.987654,0.1\n", folder)
    let image = Picture(width: 2, height: 1, channels: 1, pixels: [7, 250])
    run.images = try ["first", "last"].map {
      .init(caption: "Samples \($0)", bytes: try PNG.encode(image), width: 2, height: 1)
    }
    run.imageCount = 5
    run.reals = run.images[0]
    run.settings = [
      .init(key: "seed", value: "3"),
      .init(key: "training.batch", value: "64", published: "32"),
    ]
    run.published = "configs/x.yaml"
    run.warnings = ["iteration 1: it explodes"]
    return run
  }

  private static func html(_ runs: [RunPage], refresh: Int? = nil) throws -> String {
    try ReportPage(runs, origin: "today", refresh: refresh).html()
  }

  /// The values that the page's script reads.
  private static func panels(_ html: String) throws -> [[String: Any]] {
    let start = try #require(html.range(of: "id=\"curves\">")).upperBound
    let end = try #require(html.range(of: "</script>", range: start..<html.endIndex)).lowerBound
    let found = try JSONSerialization.jsonObject(with: Data(html[start..<end].utf8))
    return try #require(found as? [[String: Any]])
  }

  @Test func aRunsNumbersAreInThePage() throws {
    try withTemporaryFolder { folder in
      let html = try Self.html([Self.run("one", folder)])
      let panels = try Self.panels(html)
      // W distance, losses, diversity.
      #expect(panels.count == 3)
      let lines = try #require(panels[0]["lines"] as? [[String: Any]])
      #expect(lines[0]["x"] as? [Double] == [1, 2])
      #expect(lines[0]["y"] as? [Double] == [0.123456789, -1.5])
      let losses = try #require(panels[1]["lines"] as? [[String: Any]])
      let loss = try #require(losses[0]["y"] as? [Any])
      #expect(loss[0] as? Double == 9.25 && loss[1] is NSNull)
      #expect(html.components(separatedBy: "<svg ").count == 4)
      for word in [
        "0.98765", "<mark>64</mark>", "<td>32</td>", "configs/x.yaml", "iteration 1: it explodes",
        "2 of the run's 5 pictures", "class=\"reals\"", ">W distance (score)<", ">diversity<",
      ] { #expect(html.contains(word), "\(word)") }
      // Without the script the last picture is seen, and no slider.
      #expect(html.components(separatedBy: "<div class=\"frame\" hidden>").count == 2)
      #expect(html.contains("<label class=\"slider\" hidden>"))
      #expect(!html.contains("http-equiv=\"refresh\""))
      #expect(try Self.html([Self.run("one", folder)], refresh: 5).contains("content=\"5\""))
    }
  }

  @Test func thePageNeedsNothingElse() throws {
    try withTemporaryFolder { folder in
      let runs = try ["one", "two"].map { try Self.run($0, folder) }
      for html in [try Self.html([runs[0]]), try Self.html(runs)] {
        for word in ["http:", "https:", "src=\"/", "@import", "url(h", "<link"] {
          #expect(!html.contains(word), "\(word)")
        }
      }
    }
  }

  @Test func whatFilesSayIsText() throws {
    let evil = "</script><script>alert('x')</script><img src=x onerror=\"y\">&\u{1B}[2J"
    try withTemporaryFolder { folder in
      var run = try Self.run("one", folder)
      run.metrics = try Self.table("iteration,</script><i>\"_loss (<b>)\n1,2\n", folder)
      (run.name, run.folder, run.state) = (evil, evil, evil)
      (run.notes, run.warnings, run.log, run.published) = ([evil], [evil], [evil], evil)
      run.facts = [(evil, evil)]
      run.environment = [(evil, evil)]
      run.settings = [.init(key: evil, value: evil, published: evil)]
      run.images[0].caption = evil
      let other = try Self.run(evil + "2", folder)
      for html in [try Self.html([run]), try Self.html([run, other])] {
        #expect(!html.contains("<script>alert") && !html.contains("<img src=x"))
        #expect(!html.contains("\u{1B}") && !html.contains("<i>\"") && !html.contains("(<b>)"))
        // The data's and the script's own are the only ends of scripts.
        #expect(html.components(separatedBy: "</script>").count == 3)
        #expect(html.contains("&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)"))
      }
    }
  }

  @Test func severalRunsStandSideBySide() throws {
    try withTemporaryFolder { folder in
      var second = try Self.run("two", folder, w: "77.125")
      second.settings[1].value = "128"
      second.settings.append(.init(key: "width", value: "8"))
      let html = try Self.html([Self.run("one", folder), second])
      let lines = try #require(try Self.panels(html)[0]["lines"] as? [[String: Any]])
      #expect(lines.map { $0["name"] as? String } == ["one", "two"])
      #expect(lines[1]["y"] as? [Double] == [77.125, -1.5])
      for word in [
        "class=\"sortable\"", "href=\"#run1\"", "id=\"run1\"", "data-value=\"-1.5\"",
        "Settings that differ (2)", "<td>64</td><td>128</td>", "<td>-</td><td>8</td>",
        // The last finite one of the losses.
        "data-value=\"9.25\"",
      ] { #expect(html.contains(word), "\(word)") }
      #expect(html.components(separatedBy: "class=\"frames\"").count == 3)
    }
  }

  @Test func runsWithoutNumbersHaveAPage() throws {
    try withTemporaryFolder { folder in
      let empty = RunPage(name: "empty", folder: "runs/empty")
      var begun = RunPage(name: "begun", folder: "runs/begun")
      begun.metrics = try Self.table("iteration,w_distance\n", folder)
      for runs in [[empty], [begun], [empty, begun]] {
        let html = try Self.html(runs)
        #expect(html.contains("There is no iteration yet."))
        #expect(html.contains("There is no picture of samples yet."))
        #expect(try Self.panels(html).isEmpty)
      }
      // Beside a run that has numbers.
      let html = try Self.html([empty, Self.run("one", folder)])
      #expect(html.contains("<td class=\"number\"></td>"))
      #expect(try Self.panels(html).count == 3)
    }
  }

  /// Many iterations: some are left out of what the cursor reads, the last one is not.
  @Test func longRunsAreThinnedOut() throws {
    try withTemporaryFolder { folder in
      var run = RunPage(name: "long", folder: "runs/long")
      run.metrics = try Self.table(
        "iteration,w_distance\n" + (1...25_000).map { "\($0),\($0 % 7)\n" }.joined(), folder)
      let rows = (1...125).map { "\(200 * $0),\($0).125\n" }
      run.scores = try Self.table("iteration,diversity\n" + rows.joined(), folder)
      let html = try Self.html([run])
      #expect(html.contains("Every 3th of 125 rows") && html.contains("data-value=\"125.125\""))
      let lines = try #require(try Self.panels(html)[0]["lines"] as? [[String: Any]])
      let x = try #require(lines[0]["x"] as? [Double])
      #expect(x.count == 1000 && x.last == 25_000 && html.contains("every 25th"))
      #expect(html.utf8.count < 200_000)
    }
  }
}
