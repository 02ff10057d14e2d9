/// The keys that have no default.
///
/// - Parameter data: The keys of its section.
/// - Returns: A configuration that can be read.
func leastConfiguration(data: String = "source: glyphs") -> String {
  """
  name: least
  data: {\(data)}
  generator: {latent: 4, layers: [tanh]}
  critic: {layers: [{linear: {outputs: 1}}]}
  objective: {}
  optimizer: {generator: {adam: {learningRate: 0.1}}, critic: {adam: {learningRate: 0.2}}}
  training: {batch: 8, iterations: 3}
  output: {}
  """
}
