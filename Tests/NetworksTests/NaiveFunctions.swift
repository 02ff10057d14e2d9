import Foundation

/// Foundation's tanh, under a name that no enumeration case hides.
func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
