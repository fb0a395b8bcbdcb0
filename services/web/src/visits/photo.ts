/** A photograph as it is sent: drawn anew, so smaller, and without what the camera wrote into it. */

const SIDE = 1600
const MOST_BYTES = 680 * 1024
const QUALITIES = [0.82, 0.65, 0.45, 0.3] as const

/** How large a picture is drawn: within a square, never larger than it is. */
export function fitted(width: number, height: number, side = SIDE): [number, number] {
  const scale = Math.min(1, side / Math.max(width, height))
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))]
}

/** Throws a sentence for the person. */
export async function asJpeg(file: Blob): Promise<Blob> {
  let picture: ImageBitmap
  try {
    picture = await createImageBitmap(file)
  } catch {
    throw new Error('这不是照片，或者浏览器打不开它')
  }
  const canvas = document.createElement('canvas')
  ;[canvas.width, canvas.height] = fitted(picture.width, picture.height)
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
  picture.close()
  for (const quality of QUALITIES) {
    const jpeg = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', quality))
    if (jpeg && jpeg.size <= MOST_BYTES) return jpeg
  }
  throw new Error('照片太大，请重新拍摄')
}

export async function asData(blob: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(String(reader.result))
    reader.onerror = () => failed(new Error('照片读不出来'))
    reader.readAsDataURL(blob)
  })
}
