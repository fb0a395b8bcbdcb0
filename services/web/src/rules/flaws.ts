import type { Flaw } from '../api/ruleTypes'

export interface PlacedFlaws {
  /** What is wrong with what stands at a place of the form, by its path. */
  at: ReadonlyMap<string, string>
  /** Of parts that the form has no place for. */
  elsewhere: readonly Flaw[]
}

/** Each flaw at the nearest place that the form shows: `scope.elder_id` at `scope`, where there is none closer. */
export function placed(flaws: readonly Flaw[], places: readonly string[]): PlacedFlaws {
  const at = new Map<string, string>()
  const elsewhere: Flaw[] = []
  for (const flaw of flaws) {
    const place = places
      .filter((each) => flaw.where === each || flaw.where.startsWith(`${each}.`))
      .sort((a, b) => b.length - a.length)[0]
    if (place === undefined) elsewhere.push(flaw)
    else at.set(place, [at.get(place), flaw.what].filter(Boolean).join('；'))
  }
  return { at, elsewhere }
}
