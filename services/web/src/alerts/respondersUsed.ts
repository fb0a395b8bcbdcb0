import { ref } from 'vue'

const KEPT = 4

/** Who was sent last from this page: the same few people are sent again and again. Not kept beyond the page. */
export const respondersUsed = ref<string[]>([])

export function rememberResponder(name: string): void {
  respondersUsed.value = [name, ...respondersUsed.value.filter((each) => each !== name)].slice(0, KEPT)
}
