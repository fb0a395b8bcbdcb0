import { readonly, ref, type Ref } from 'vue'

// The same widths stand in the style sheets.

/** A phone: the selected alert is a sheet over the list. */
export const narrow = matching('(max-width: 899px)')
/** Room for a third column, with the elder's card in it. */
export const wide = matching('(min-width: 1700px)')

function matching(condition: string): Readonly<Ref<boolean>> {
  const query = matchMedia(condition)
  const matches = ref(query.matches)
  query.addEventListener('change', (event) => (matches.value = event.matches))
  return readonly(matches)
}
