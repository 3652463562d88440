/** Durations and dates as a French reader takes them. */
/** `1 certificat`, `2 certificats`. */
export const counted = (count: number, word: string): string => `${count} ${word}${count > 1 ? 's' : ''}`;

/** The largest whole unit: `3 jours`, `5 h`, `12 min`, `40 s`. */
export const formatDuration = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return counted(Math.floor(seconds / 86_400), 'jour');
};

/** `21/11/2026`, UTC. */
export const formatDay = (utcMs: number): string => {
  const [year, month, day] = new Date(utcMs).toISOString().slice(0, 10).split('-');
  return `${day}/${month}/${year}`;
};
