# Cuts the files in `published` from the published ones: `python3 cut_published.py MNIST CIFAR FOLDER`
# with the folders of t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz and data_batch_1.bin. The
# first 10 test digits and the first 2 photographs of the first batch; prints the CRC-32 of their
# pixels, channels last, which the tests compare with.
import gzip, struct, sys, zlib

mnist, cifar, folder = sys.argv[1:]
for name, header, size in [("images-idx3", 16, 784), ("labels-idx1", 8, 1)]:
    data = gzip.open("%s/t10k-%s-ubyte.gz" % (mnist, name)).read()
    elements = data[header : header + 10 * size]
    with open("%s/t10k-%s-ubyte.gz" % (folder, name), "wb") as file:
        cut = data[:4] + struct.pack(">I", 10) + data[8:header] + elements
        file.write(gzip.compress(cut, 9, mtime=0))
    print(name, "%08x" % zlib.crc32(elements), list(elements[:10]))
with open(cifar + "/data_batch_1.bin", "rb") as file:
    records = file.read(2 * 3073)
with open(folder + "/data_batch_1.bin", "wb") as file:
    file.write(records)
pixels = b"".join(
    bytes(records[3073 * i + 1 + 1024 * c + p] for p in range(1024) for c in range(3))
    for i in range(2)
)
print("cifar", "%08x" % zlib.crc32(pixels), records[0], records[3073])
