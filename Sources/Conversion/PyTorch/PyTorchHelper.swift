/// A class or function of a Python file that PyTorch itself has not.
enum PyTorchHelper: CaseIterable {
  case call, add, layers, residual, labelledResidual, concat, basicConvolution
  case reshape, crop, innerMean, globalMean, shuffledUpsample
  case conditionalBatchNorm, layerNorm, labelConcat, selfAttention
  case conditionConcat, conditionScale, spans

  /// Those whose modules may look at labels.
  static let callers: Set<Self> = [.layers, .labelledResidual, .concat, .conditionConcat]

  /// The definition, between empty lines.
  var text: String {
    switch self {
    case .call:
      """

      def call(module, x, labels):
          \"""The module's output; only some modules look at labels, or at a part of a pair.\"""
          if not getattr(module, "takes_labels", False):
              return module(x)
          if isinstance(labels, tuple) and hasattr(module, "part"):
              labels = labels[module.part]
          return module(x, labels)
      """
    case .add:
      """

      def add(module, path, child):
          \"""Adds a child at a path, or all that it has where the path is empty.\"""
          if not path:
              for inner in child.members:
                  add(module, *inner)
              return
          *folders, name = path.split(".")
          for folder in folders:
              if not hasattr(module, folder):
                  module.add_module(folder, nn.Module())
              module = getattr(module, folder)
          module.add_module(name, child)
      """
    case .layers:
      """

      class Layers(nn.Sequential):
          \"""Modules one after the other, with labels for those that look at them.\"""

          takes_labels = True

          def forward(self, x, labels):
              for module in self:
                  x = call(module, x, labels)
              return x
      """
    case .residual:
      """

      class Residual(nn.Module):
          \"""main(x) + shortcut(x).\"""

          def __init__(self, main, shortcut=None):
              super().__init__()
              self.main = main
              self.shortcut = shortcut or nn.Identity()

          def forward(self, x):
              return self.main(x) + self.shortcut(x)
      """
    case .labelledResidual:
      """

      class Residual(nn.Module):
          \"""main(x) + shortcut(x).\"""

          takes_labels = True

          def __init__(self, main, shortcut=None):
              super().__init__()
              self.main = main
              self.shortcut = shortcut or nn.Identity()

          def forward(self, x, labels=None):
              return call(self.main, x, labels) + call(self.shortcut, x, labels)
      """
    case .concat:
      """

      class Concat(nn.Module):
          \"""What branches make of x, side by side along the channels.

          A branch lists its modules, one after the other, with their paths in the state dict.
          \"""

          takes_labels = True

          def __init__(self, *branches):
              super().__init__()
              self.branches = branches
              self.members = [pair for branch in branches for pair in branch]
              for path, module in self.members:
                  add(self, path, module)

          def forward(self, x, labels=None):
              outputs = []
              for branch in self.branches:
                  y = x
                  for _, module in branch:
                      y = call(module, y, labels)
                  outputs.append(y)
              return torch.cat(outputs, 1)
      """
    case .basicConvolution:
      """

      class BasicConv2d(nn.Module):
          \"""A convolution without bias, batch norm and ReLU, called as in torchvision.\"""

          def __init__(self, inputs, outputs, kernel_size, eps, **options):
              super().__init__()
              self.conv = nn.Conv2d(inputs, outputs, kernel_size, bias=False, **options)
              self.bn = nn.BatchNorm2d(outputs, eps=eps)

          def forward(self, x):
              return torch.relu(self.bn(self.conv(x)))
      """
    case .reshape:
      """

      class Reshape(nn.Module):
          \"""A sample's values in another shape.\"""

          def __init__(self, *sizes):
              super().__init__()
              self.sizes = sizes

          def forward(self, x):
              return x.reshape(len(x), *self.sizes)
      """
    case .crop:
      """

      class Crop(nn.Module):
          \"""A part of an image: so many pixels from a corner on.\"""

          def __init__(self, corner, sizes):
              super().__init__()
              self.parts = tuple(slice(a, a + n) for a, n in zip(corner, sizes))

          def forward(self, x):
              return x[(slice(None), slice(None), *self.parts)]
      """
    case .innerMean:
      """

      class InnerMean(nn.Module):
          \"""Means of windows, of those pixels that lie inside of the image.\"""

          def __init__(self, pad, pool):
              super().__init__()
              self.pad, self.pool = pad, pool

          def forward(self, x):
              inside = torch.ones_like(x[:1, :1])
              return self.pool(self.pad(x)) / self.pool(self.pad(inside))
      """
    case .globalMean:
      """

      class GlobalMean(nn.Module):
          \"""The mean over all pixels.\"""

          def forward(self, x):
              return x.mean(tuple(range(2, x.dim())))
      """
    case .shuffledUpsample:
      """

      class ShuffledUpsample(nn.Module):
          \"""PaddleScience's upsampling: copies of the channels, then a pixel shuffle.\"""

          def __init__(self, factor):
              super().__init__()
              self.factor = factor

          def forward(self, x):
              return F.pixel_shuffle(x.repeat(1, self.factor**2, 1, 1), self.factor)
      """
    case .conditionalBatchNorm:
      """

      class ConditionalBatchNorm(nn.Module):
          \"""Batch norm with a scale and an offset for each class.

          With a momentum, running statistics in evaluation; else always those of the batch.
          \"""

          takes_labels = True
          part = 0

          def __init__(self, classes, channels, eps, correction, momentum=None):
              super().__init__()
              self.weight = nn.Parameter(torch.ones(classes, channels))
              self.bias = nn.Parameter(torch.zeros(classes, channels))
              self.eps, self.correction, self.momentum = eps, correction, momentum
              if momentum is not None:
                  self.register_buffer("running_mean", torch.zeros(channels))
                  self.register_buffer("running_var", torch.ones(channels))

          def forward(self, x, labels):
              shape = (-1, x.shape[1]) + (1,) * (x.dim() - 2)
              if self.training or self.momentum is None:
                  axes = (0, *range(2, x.dim()))
                  mean, var = x.mean(axes), x.var(axes, correction=self.correction)
                  if self.training and self.momentum is not None:
                      with torch.no_grad():
                          self.running_mean.lerp_(mean, self.momentum)
                          self.running_var.lerp_(x.var(axes), self.momentum)
              else:
                  mean, var = self.running_mean, self.running_var
              x = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
              return x * self.weight[labels].view(shape) + self.bias[labels].view(shape)
      """
    case .layerNorm:
      """

      class LayerNorm(nn.Module):
          \"""Layer norm over a sample's n values; its variance divides by n - correction.\"""

          def __init__(self, sizes, eps, correction):
              super().__init__()
              self.eps, self.correction = eps, correction
              if sizes:
                  self.weight = nn.Parameter(torch.ones(sizes))
                  self.bias = nn.Parameter(torch.zeros(sizes))
              else:
                  self.weight, self.bias = 1, 0

          def forward(self, x):
              axes = tuple(range(1, x.dim()))
              mean = x.mean(axes, keepdim=True)
              var = x.var(axes, correction=self.correction, keepdim=True)
              x = (x - mean) / torch.sqrt(var + self.eps)
              return x * self.spread(self.weight, x) + self.spread(self.bias, x)

          @staticmethod
          def spread(values, x):
              if not torch.is_tensor(values):
                  return values
              return values.view(*values.shape, *(1,) * (x.dim() - 1 - values.dim()))
      """
    case .selfAttention:
      """

      class SelfAttention(nn.Module):
          \"""x + gamma o(attention of theta(x) over phi(x), of the values g(x)).

          Zhang et al. 2019, arXiv:1805.08318.
          \"""

          def __init__(self, convolution, channels, pool=None, norm=lambda module: module):
              super().__init__()
              self.gamma = nn.Parameter(torch.zeros(1))
              self.theta = norm(convolution(channels, channels // 8, 1, bias=False))
              self.phi = norm(convolution(channels, channels // 8, 1, bias=False))
              self.g = norm(convolution(channels, channels // 2, 1, bias=False))
              self.o = norm(convolution(channels // 2, channels, 1, bias=False))
              self.pool = pool or nn.Identity()

          def forward(self, x):
              queries = self.theta(x).flatten(2)
              keys, values = self.pool(self.phi(x)).flatten(2), self.pool(self.g(x)).flatten(2)
              weights = torch.softmax(queries.transpose(1, 2) @ keys, -1)
              found = (values @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
              return x + self.gamma * self.o(found)
      """
    case .labelConcat:
      """

      class LabelConcat(nn.Module):
          \"""Adds the labels to the channels: one-hot, or a trained row a class.\"""

          takes_labels = True
          part = 0

          def __init__(self, classes, embedding=None):
              super().__init__()
              self.classes = classes
              if embedding is not None:
                  self.weight = nn.Parameter(torch.randn(classes, embedding))

          def forward(self, x, labels):
              table = getattr(self, "weight", None)
              if table is None:
                  table = torch.eye(self.classes, dtype=x.dtype, device=x.device)
              rows = table[labels].flatten(1)
              rows = rows.view(*rows.shape, *(1,) * (x.dim() - 2))
              return torch.cat([x, rows.expand(-1, -1, *x.shape[2:])], 1)
      """
    case .conditionConcat:
      """

      class ConditionConcat(nn.Sequential):
          \"""Adds numbers of the condition to the channels, or what modules make of them.\"""

          takes_labels = True

          def __init__(self, numbers, *modules):
              super().__init__(*modules)
              self.numbers = numbers

          def forward(self, x, labels):
              rows = (labels[1] if isinstance(labels, tuple) else labels)[:, self.numbers]
              for module in self:
                  rows = call(module, rows, labels)
              rows = rows.view(*rows.shape, *(1,) * (x.dim() - 2))
              return torch.cat([x, rows.expand(-1, -1, *x.shape[2:])], 1)
      """
    case .conditionScale:
      """

      class ConditionScale(nn.Module):
          \"""Multiplies a sample with a number of its condition.\"""

          takes_labels = True
          part = 1

          def __init__(self, number):
              super().__init__()
              self.number = number

          def forward(self, x, numbers):
              return x * numbers[:, self.number].view(-1, *(1,) * (x.dim() - 1))
      """
    case .spans:
      """

      class Spans(nn.Module):
          \"""A function for each span of the channels.\"""

          def __init__(self, functions, channels):
              super().__init__()
              self.functions, self.channels = functions, channels

          def forward(self, x):
              parts = x.split(self.channels, 1)
              return torch.cat([self.span(*pair) for pair in zip(self.functions, parts)], 1)

          @staticmethod
          def span(function, x):
              if function == "softmax":
                  return x.softmax(1)
              return x if function == "none" else getattr(torch, function)(x)
      """
    }
  }
}
