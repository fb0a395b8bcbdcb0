import 'leaflet/dist/leaflet.css'
import { DivIcon, LatLng, Layer, Map as LeafletMap, TileLayer, control, DomUtil, CRS, type LatLngExpression, type LeafletEvent, type Point as LeafletPoint } from 'leaflet'
import type { CareMap, MapSettings } from './calls'
import { onTiles, type Datum } from './gcj02'
import { heaps, step } from './geometry'

/** 重庆 and 成都 between them: where a map begins of which nothing is known. */
const NOWHERE: LatLngExpression = [30.1, 105.3]
const HEAP_SIDE = 44
/** From this zoom on a cell is wider than a heap. */
const SINGLE_ZOOM = 16
const LINES_APART = 140

/** A map in an element, on the tiles that are configured, or on none. */
export function makeMap(element: HTMLElement, settings: MapSettings): LeafletMap {
  const map = new LeafletMap(element, { center: NOWHERE, zoom: 8, maxZoom: settings.most_zoom, zoomControl: true, attributionControl: settings.attribution !== '', preferCanvas: true, zoomSnap: 1 })
  map.attributionControl?.setPrefix(false)
  // Leaflet takes the focus at a press of the mouse: the page would scroll then, and the click be somewhere else.
  element.focus = (options) => HTMLElement.prototype.focus.call(element, { ...options, preventScroll: true })
  // Leaflet asks when the window changes, and not when what is around the map does.
  const watching = new ResizeObserver(() => map.invalidateSize({ animate: false }))
  watching.observe(element)
  map.on('unload', () => watching.disconnect())
  control.scale({ imperial: false, maxWidth: 140 }).addTo(map)
  for (const [place, url] of settings.layers.entries()) {
    // Providers ask from which site a tile is wanted; from which page is none of their business.
    new TileLayer(url, { subdomains: settings.subdomains, maxZoom: settings.most_zoom, attribution: place === 0 ? escaped(settings.attribution) : '', referrerPolicy: 'origin' }).addTo(map)
  }
  return map
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)

export const latLng = (lat: number, lon: number, datum: Datum): LatLng => new LatLng(...(onTiles([lat, lon], datum) as [number, number]))

/** A mark without a picture of somebody else's. */
export const pin = (): DivIcon => new DivIcon({ className: 'map-pin', html: '<span></span>', iconSize: [30, 30], iconAnchor: [15, 30] })

export interface Colours {
  elder: string
  cared: string
  ink: string
  line: string
  text: string
}

export const token = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
export const colours = (): Colours => ({ elder: token('--accent'), cared: token('--orange'), ink: token('--accent-ink'), line: token('--line'), text: token('--muted') })

/** All homes on one canvas, drawn anew when the map has come to rest: while it is dragged the browser moves the canvas. */
export class Homes extends Layer {
  private readonly canvas = document.createElement('canvas')
  private xs = new Float64Array()
  private ys = new Float64Array()
  private elders = new Float64Array()
  private cared = new Float64Array()
  private origin: LeafletPoint | null = null
  private shown = true
  /** Milliseconds that the last drawing took. */
  drawn = 0

  constructor(
    private readonly datum: Datum,
    private readonly grid: boolean,
    private readonly colours: () => Colours,
  ) {
    super()
  }

  set(cells: CareMap['elders']): void {
    const count = cells.length
    this.xs = new Float64Array(count)
    this.ys = new Float64Array(count)
    this.elders = new Float64Array(count)
    this.cared = new Float64Array(count)
    cells.forEach(([lat, lon, elders, cared], at) => {
      const point = CRS.EPSG3857.latLngToPoint(latLng(lat, lon, this.datum), 0)
      this.xs[at] = point.x
      this.ys[at] = point.y
      this.elders[at] = elders
      this.cared[at] = cared
    })
    this.draw()
  }

  show(shown: boolean): void {
    this.shown = shown
    this.draw()
  }

  override onAdd(map: LeafletMap): this {
    DomUtil.addClass(this.canvas, 'leaflet-zoom-animated')
    this.canvas.setAttribute('aria-hidden', 'true')
    map.getPanes().overlayPane.prepend(this.canvas)
    map.on('moveend zoomend resize viewreset', this.draw, this)
    map.on('zoomanim', this.follow, this)
    this.draw()
    return this
  }

  override onRemove(map: LeafletMap): this {
    map.off('moveend zoomend resize viewreset', this.draw, this)
    map.off('zoomanim', this.follow, this)
    this.canvas.remove()
    return this
  }

  private follow(event: LeafletEvent): void {
    const { zoom, center } = event as unknown as { zoom: number; center: LatLng }
    const map = this._map
    if (!this.origin) return
    const scale = map.getZoomScale(zoom)
    const corner = map.unproject(this.origin)
    const offset = map.project(corner, zoom).subtract(map.project(center, zoom)).add(map.getSize().divideBy(2)).subtract(map.layerPointToContainerPoint([0, 0]))
    DomUtil.setTransform(this.canvas, offset.round(), scale)
  }

  private draw(): void {
    const map = this._map as LeafletMap | undefined
    if (!map) return
    const begun = performance.now()
    const size = map.getSize()
    // Half a screen more on each side: a short way is dragged without an empty edge.
    const margin = size.divideBy(2).floor()
    const [width, height] = [size.x + 2 * margin.x, size.y + 2 * margin.y]
    const ratio = Math.min(window.devicePixelRatio || 1, 2)
    if (this.canvas.width !== width * ratio || this.canvas.height !== height * ratio) {
      this.canvas.width = width * ratio
      this.canvas.height = height * ratio
      this.canvas.style.width = `${width}px`
      this.canvas.style.height = `${height}px`
    }
    const bounds = map.getPixelBounds()
    const corner = (bounds.min as LeafletPoint).subtract(margin)
    this.origin = corner
    DomUtil.setTransform(this.canvas, map.containerPointToLayerPoint([-margin.x, -margin.y]), 1)
    const context = this.canvas.getContext('2d')
    if (!context) return
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    const colours = this.colours()
    if (this.grid) this.drawGrid(context, map, corner, width, height, colours)
    if (this.shown) this.drawHomes(context, map, corner, width, height, colours)
    this.drawn = performance.now() - begun
    this.canvas.dataset.drawn = this.drawn.toFixed(1)
    this.canvas.dataset.cells = String(this.xs.length)
  }

  private drawHomes(context: CanvasRenderingContext2D, map: LeafletMap, corner: LeafletPoint, width: number, height: number, colours: Colours): void {
    const zoom = map.getZoom()
    const side = zoom >= SINGLE_ZOOM ? 6 : HEAP_SIDE
    const found = heaps(this.xs, this.ys, this.elders, this.cared, 2 ** zoom, side, [corner.x, corner.y, corner.x + width, corner.y + height])
    context.textAlign = 'center'
    context.textBaseline = 'middle'
    for (const heap of found) {
      const radius = zoom >= SINGLE_ZOOM ? Math.min(12, 4 + 2 * Math.log2(heap.elders)) : Math.min(20, 6 + 3 * Math.log10(heap.elders) * 2)
      const x = heap.x - corner.x
      const y = heap.y - corner.y
      context.beginPath()
      context.arc(x, y, radius, 0, 2 * Math.PI)
      context.fillStyle = colours.elder
      context.fill()
      if (heap.cared > 0) {
        context.lineWidth = 2.5
        context.strokeStyle = colours.cared
        context.stroke()
      }
      if (heap.elders > 1 && radius >= 8) {
        context.font = `600 ${radius > 14 ? 13 : 11}px system-ui, sans-serif`
        context.fillStyle = colours.ink
        context.fillText(heap.elders < 10_000 ? String(heap.elders) : `${(heap.elders / 10_000).toFixed(1)}万`, x, y)
      }
    }
  }

  /** Without tiles: parallels and meridians at round distances, with their degrees. */
  private drawGrid(context: CanvasRenderingContext2D, map: LeafletMap, corner: LeafletPoint, width: number, height: number, colours: Colours): void {
    const topLeft = map.unproject(corner)
    const bottomRight = map.unproject(corner.add([width, height]))
    const apart = step(((bottomRight.lng - topLeft.lng) / width) * LINES_APART)
    context.strokeStyle = colours.line
    context.fillStyle = colours.text
    context.lineWidth = 1
    context.font = '11px system-ui, sans-serif'
    context.textAlign = 'left'
    context.textBaseline = 'bottom'
    const places = Math.max(0, -Math.floor(Math.log10(apart)))
    context.beginPath()
    for (let lon = Math.ceil(topLeft.lng / apart) * apart; lon <= bottomRight.lng; lon += apart) {
      const x = Math.round(map.project([topLeft.lat, lon]).x - corner.x) + 0.5
      context.moveTo(x, 0)
      context.lineTo(x, height)
      context.fillText(`${lon.toFixed(places)}°`, x + 3, height / 2)
    }
    for (let lat = Math.ceil(bottomRight.lat / apart) * apart; lat <= topLeft.lat; lat += apart) {
      const y = Math.round(map.project([lat, topLeft.lng]).y - corner.y) + 0.5
      context.moveTo(0, y)
      context.lineTo(width, y)
      context.fillText(`${lat.toFixed(places)}°`, width / 2, y - 2)
    }
    context.stroke()
  }
}
