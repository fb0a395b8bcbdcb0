import { readonly, ref } from 'vue'

/** Below this the selected alert is a sheet over the list; the same number stands in the style sheets. */
const query = matchMedia('(max-width: 899px)')
const matches = ref(query.matches)
query.addEventListener('change', (event) => (matches.value = event.matches))

export const narrow = readonly(matches)
