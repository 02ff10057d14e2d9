# Makes the pictures of this folder: python3 make_pictures.py FOLDER, with Pillow 13.0.0 and numpy 2.4.6.
import sys
import numpy
from PIL import Image
out = sys.argv[1]
def pattern(h,w,c):
    y,x,k=numpy.meshgrid(numpy.arange(h),numpy.arange(w),numpy.arange(c),indexing='ij')
    return ((13*x+7*y+50*k+x*y)%256).astype(numpy.uint8)
a=Image.fromarray(pattern(20,30,3))
a.save(out+'/rgb.png',optimize=True)
Image.fromarray(pattern(20,30,1)[:,:,0]).save(out+'/grey.png',optimize=True)
b=numpy.concatenate([pattern(9,7,3),numpy.tile(numpy.array([0,128,255],dtype=numpy.uint8),(9*7//3+1))[:63].reshape(9,7,1)],axis=2)
Image.fromarray(b).save(out+'/alpha.png',optimize=True)
a.quantize(16).save(out+'/palette.png',optimize=True)
Image.fromarray((pattern(9,7,1)[:,:,0].astype(numpy.uint16)*257)).save(out+'/sixteen.png')
y,x=numpy.meshgrid(numpy.arange(24),numpy.arange(17),indexing='ij')
s=numpy.stack([8*x+40,9*y+20,120+3*x-4*y],axis=2).astype(numpy.uint8)
Image.fromarray(s).save(out+'/rgb.jpg',quality=90)
Image.fromarray(s[:,:,0]).save(out+'/grey.jpg',quality=90)
Image.fromarray(s).save(out+'/progressive.jpg',quality=80,progressive=True)
Image.fromarray(s).convert('CMYK').save(out+'/cmyk.jpg',quality=80)

# Kinds whose values could be read in more than one way, and what Pillow makes of them: the checksums in
# PictureTests.swift. Transparent ones are pasted on black.
import struct, zlib
def chunk(name, body):
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))
def with_chunk(source, target, name, body):
    file = open(out+'/'+source, 'rb').read()
    open(out+'/'+target, 'wb').write(file[:33] + chunk(name, body) + file[33:])  # behind IHDR
ramp=numpy.tile(numpy.arange(0,256,5,dtype=numpy.uint8),(20,1))
Image.fromarray(numpy.stack([ramp,ramp.T[:20,:1].repeat(52,1)*2],axis=2)).save(out+'/grey-alpha.png',optimize=True)
p=a.quantize(16)
p.save(out+'/palette-alpha.png',optimize=True,transparency=bytes(range(0,256,16)))
with_chunk('rgb.png','gamma.png',b'gAMA',struct.pack('>I',100000))  # linear light, says the file
# The same bytes under Photoshop's other name for four inks: transform 2 of the Adobe marker.
cmyk=open(out+'/cmyk.jpg','rb').read()
place=cmyk.index(b'Adobe')+11
assert cmyk[place]==0
open(out+'/ycck.jpg','wb').write(cmyk[:place]+b'\2'+cmyk[place+1:])
for name in ['alpha.png','grey-alpha.png','palette-alpha.png','gamma.png','cmyk.jpg','ycck.jpg']:
    image=Image.open(out+'/'+name)
    if 'A' in image.getbands() or 'transparency' in image.info:
        image=image.convert('RGBA')
        black=Image.new('RGB',image.size)
        black.paste(image,mask=image.getchannel('A'))
        image=black
    print(name, image.size, hex(zlib.crc32(image.convert('RGB').tobytes())))
