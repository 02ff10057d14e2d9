import Base
import Testing

@Suite struct ConditionTests {
  @Test func valuesAreWrittenAndFound() {
    let shape = ConditionShape(classes: 5, numbers: 2)
    Condition.withTemporary(shape) { condition in
      #expect(condition.label == 0)
      #expect(Array(condition.numbers) == [0, 0])
      let values = ConditionValues(label: 3, numbers: [0.5, -2])
      values.copy(to: condition)
      #expect(condition.label == 3)
      #expect(Array(condition.numbers) == [0.5, -2])
      #expect(values.matches(condition))
      #expect(!ConditionValues(label: 2, numbers: [0.5, -2]).matches(condition))
      #expect(!ConditionValues(label: 3, numbers: [0.5, 2]).matches(condition))
      // What is not said is not compared.
      #expect(ConditionValues(label: 3).matches(condition))
      #expect(ConditionValues(numbers: [0.5, -2]).matches(condition))
      ConditionValues().copy(to: condition)
      #expect(condition.label == 0)
      #expect(Array(condition.numbers) == [0, 0])
    }
  }

  @Test func distances() {
    Condition.withTemporary(ConditionShape(classes: 5, numbers: 2)) { condition in
      ConditionValues(label: 3, numbers: [0.5, -2]).copy(to: condition)
      #expect(ConditionValues(label: 3, numbers: [0.5, -2]).distance(to: condition) == 0)
      #expect(ConditionValues(label: 3).distance(to: condition) == 0)
      #expect(ConditionValues(numbers: [1, -2]).distance(to: condition) == 0.25)
      #expect(ConditionValues(label: 3, numbers: [0.5, 2]).distance(to: condition) == 4)
      #expect(ConditionValues(label: 2, numbers: [0.5, 2]).distance(to: condition) == .infinity)
    }
  }

  @Test func valuesFitShapes() {
    let both = ConditionShape(classes: 5, numbers: 1)
    #expect(ConditionValues(label: 4, numbers: [1]).fits(both))
    #expect(!ConditionValues(label: 5, numbers: [1]).fits(both))
    #expect(!ConditionValues(label: -1, numbers: [1]).fits(both))
    #expect(!ConditionValues(label: 4).fits(both))
    #expect(!ConditionValues(numbers: [1]).fits(both))
    #expect(ConditionValues(label: 4).fits(ConditionShape(classes: 5)))
    #expect(ConditionValues(numbers: [1]).fits(ConditionShape(numbers: 1)))
    #expect(!ConditionValues(label: 0).fits(.none))
  }

  @Test(arguments: [
    (ConditionValues(label: 7), "7"), (ConditionValues(numbers: [65536, 0.25]), "65536, 0.25"),
    (ConditionValues(label: 1, numbers: [-3]), "1: -3"), (ConditionValues(), ""),
  ])
  func headings(values: ConditionValues, text: String) {
    #expect(values.heading == text)
  }
}
