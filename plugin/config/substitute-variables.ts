/**
 * Substitutes `${NAME}` and `${NAME:-default}` in the text of a configuration file, as Orthanc does before it parses it.
 *
 * One pass: what a variable holds is not substituted again. A variable that is set wins even when empty; one that is not
 * set and has no default becomes nothing. A default may stand between single or double quotes, which are dropped (so it may
 * hold `}`). Anything that does not have this form (`${A:x}`, `${A:-'q'r}`) stays as it is.
 *
 * @see Orthanc `Toolbox::SubstituteVariables`, tried against 1.10.1 case by case
 */
const pattern = /\$\{([^:}]+)(?::-(?:"([^"]*)"|'([^']*)'|([^"'}]*)))?\}/g;

export interface Substitution {
  readonly text: string;
  /** Names of the variables that the text asks for. */
  readonly names: readonly string[];
}

export const substituteVariables = (
  source: string,
  env: Readonly<Record<string, string | undefined>>,
): Substitution => {
  const names: string[] = [];
  const text = source.replace(
    pattern,
    (_whole, name: string, doubleQuoted?: string, singleQuoted?: string, bare?: string) => {
      names.push(name);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      return value ?? doubleQuoted ?? singleQuoted ?? bare ?? '';
    },
  );
  return { text, names };
};
