#!/usr/bin/env bash
# Makes the pictures beside it from pattern.png (which TestPattern paints with -update) with the encoders people use. Needed only to add
# one. Debian packages: libheif-examples libavif-bin webp libtiff-tools libjpeg-turbo-progs python3-pil
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

/usr/bin/python3 - "$work" <<'PY'
import sys
from PIL import Image, ImageChops
work, m = sys.argv[1], Image.open("pattern.png").convert("RGB")
m.save(work + "/p.ppm")
m.resize((160, 120), Image.LANCZOS).save(work + "/small.png")
m.convert("L").save("grey.jpg", quality=90)
m.save("progressive.jpg", quality=90, progressive=True)
m.save("444.jpg", quality=90, subsampling=0)
zero = Image.new("L", m.size, 0)
r, g, b = m.split()
Image.merge("CMYK", [ImageChops.invert(r), ImageChops.invert(g), ImageChops.invert(b), zero]).save("cmyk.jpg", quality=90)
# The encoder stores four channels as they are: give it those of YCCK and change what the Adobe segment says of them.
y, cb, cr = ImageChops.invert(m).convert("YCbCr").split() # of ink, not of light
Image.merge("CMYK", [ImageChops.invert(y), ImageChops.invert(cb), ImageChops.invert(cr), zero]).save(work + "/ycck.jpg", quality=90)
f = bytearray(open(work + "/ycck.jpg", "rb").read())
f[f.index(b"Adobe") + 11] = 2
open("ycck.jpg", "wb").write(f)
m.resize((160, 120), Image.LANCZOS).quantize(200).save("palette.bmp")
m.quantize(128).save("interlaced.gif", interlace=1)
m.resize((160, 120), Image.LANCZOS).save("rgb.bmp")
m.resize((160, 120), Image.LANCZOS).save(work + "/none.tif")
# The left half is transparent in a slope; under it the colours are wild, and must not count.
alpha = Image.linear_gradient("L").rotate(90).resize(m.size)
rgba = m.copy(); rgba.putalpha(alpha); rgba.save(work + "/alpha.png"); rgba.resize((160, 120)).save("alpha.tif", compression="tiff_lzw")
PY
cp "$work/alpha.png" "$work/small.png" .

cwebp -quiet -q 90 pattern.png -o lossy.webp
cwebp -quiet -lossless -z 6 "$work/small.png" -o lossless.webp
cwebp -quiet -q 90 "$work/alpha.png" -o alpha.webp
/usr/bin/python3 - "$work" <<'PY' # three frames that build on one another
import sys
from PIL import Image
work = sys.argv[1]
m = Image.open("pattern.png").convert("RGB").resize((160, 120), Image.LANCZOS)
m.save(work + "/f0.png")
m.crop((0, 0, 80, 120)).transpose(Image.FLIP_TOP_BOTTOM).save(work + "/part.png")
f1 = m.copy(); f1.paste(Image.open(work + "/part.png"), (0, 0)); f1.save("film-1.png")
f2 = f1.copy(); f2.paste(m.crop((40, 20, 120, 100)).rotate(180), (60, 30)); f2.save("film-2.png")
PY
img2webp -lossy -q 90 -d 1000 "$work/f0.png" film-1.png film-2.png -o film.webp >/dev/null

avifenc -s 8 --min 8 --max 12 -y 420 pattern.png 420.avif >/dev/null
avifenc -s 8 --min 8 --max 12 -y 444 -d 10 pattern.png 444-10bit.avif >/dev/null
avifenc -s 8 --min 8 --max 12 -y 400 pattern.png grey.avif >/dev/null
avifenc -s 8 --min 8 --max 12 "$work/alpha.png" alpha.avif >/dev/null
for angle in 0 1 2 3; do
	avifenc -s 8 --min 5 --max 8 --irot "$angle" "$work/small.png" "turned-$angle.avif" >/dev/null
	avifenc -s 8 --min 5 --max 8 --irot "$angle" --imir 0 "$work/small.png" "turned-$angle-mirrored-0.avif" >/dev/null
	avifenc -s 8 --min 5 --max 8 --irot "$angle" --imir 1 "$work/small.png" "turned-$angle-mirrored-1.avif" >/dev/null
done
avifenc -s 8 --min 5 --max 8 --timescale 1 "$work/small.png" "$work/small.png" film.avif >/dev/null

heif-enc -q 90 pattern.png -o 420.heic >/dev/null
heif-enc -q 90 -p chroma=444 pattern.png -o 444.heic >/dev/null
heif-enc -q 90 "$work/alpha.png" -o alpha.heic >/dev/null
/usr/bin/python3 - "$work" <<'PY'
import sys
from PIL import Image
m = Image.open("pattern.png").convert("RGB")
m.crop((0, 0, 317, 239)).save(sys.argv[1] + "/odd.png")
PY
heif-enc -q 90 "$work/odd.png" -o odd.heic >/dev/null

for c in lzw zip packbits; do tiffcp -c $c "$work/none.tif" $c.tif; done
tiffcp -t -w 64 -l 64 -c zip "$work/none.tif" tiles.tif
tiffcp -B -c zip "$work/none.tif" big-endian.tif
