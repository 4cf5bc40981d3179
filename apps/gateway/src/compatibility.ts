import type { Problem, Topic } from '@tianjillm/config'

/** The topics in the order they are told, with what they say of a file. */
const titles: Readonly<Record<Topic, string>> = {
  plugin: 'Not installed',
  python: 'Python code, which does not run here',
  difference: 'Means something else here',
  effect: 'Without effect here yet',
}

/** What somebody who comes from LiteLLM has to know of a file, by topic. Faults are told before all else. */
export function compatibilityText(title: string, problems: readonly Problem[]): string {
  const others = problems.filter(({ topic }) => topic === undefined)
  const sections = [
    sectionOf(
      'Cannot be served',
      others.filter(({ severity }) => severity === 'error'),
    ),
    sectionOf(
      'Doubtful',
      others.filter(({ severity }) => severity !== 'error'),
    ),
    ...topics.map((topic) =>
      sectionOf(
        titles[topic],
        problems.filter((problem) => problem.topic === topic),
      ),
    ),
  ].filter((section) => section !== '')
  return sections.length === 0 ? `${title}: it means the same here.` : sections.join('\n\n')
}

const topics = Object.keys(titles) as readonly Topic[]

function sectionOf(heading: string, problems: readonly Problem[]): string {
  return problems.length === 0 ? '' : [`${heading}:`, ...problems.map(lineOf)].join('\n')
}

function lineOf({ file, line, column, path, message }: Problem): string {
  return `  ${file}:${line}:${column}: ${path && `${path}: `}${message}`
}
