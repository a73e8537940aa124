// What the bell says, in the languages it speaks.

const WORDS = {
  en: {
    name: "Notifications",
    label: (unread) => (unread ? `Notifications, ${unread} unread` : "Notifications"),
    all: "All",
    unread: "Unread",
    readAll: "Mark all as read",
    settings: "What you hear about",
    history: "Everything we sent you",
    empty: "Nothing here yet.",
    noneUnread: "You have read everything.",
    more: "Show more",
    read: (title) => `Mark as read: ${title}`,
    markUnread: (title) => `Mark as unread: ${title}`,
    archive: (title) => `Archive: ${title}`,
    archived: "Archived.",
    snooze: (title) => `Show later: ${title}`,
    snoozed: (until, language) => `Back ${moment(until, language)}.`,
    times: { hour: "In an hour", tomorrow: "Tomorrow morning", week: "Next Monday" },
    markDone: (label) => `Mark as done: ${label}`,
    doneAt: (when) => `Done, ${when}`,
    undo: "Undo",
    close: "Close",
    failed: "That did not work. Try again.",
    ended: "Log in again to see your notifications.",
    arrived: (title) => `New notification: ${title}`,
    many: (count) => `${count} new notifications`,
  },
  de: {
    name: "Benachrichtigungen",
    label: (unread) => (unread ? `Benachrichtigungen, ${unread} ungelesen` : "Benachrichtigungen"),
    all: "Alle",
    unread: "Ungelesen",
    readAll: "Alle als gelesen markieren",
    settings: "Worüber du etwas hörst",
    history: "Alles, was wir dir geschickt haben",
    empty: "Hier ist noch nichts.",
    noneUnread: "Du hast alles gelesen.",
    more: "Mehr zeigen",
    read: (title) => `Als gelesen markieren: ${title}`,
    markUnread: (title) => `Als ungelesen markieren: ${title}`,
    archive: (title) => `Archivieren: ${title}`,
    archived: "Archiviert.",
    snooze: (title) => `Später zeigen: ${title}`,
    snoozed: (until, language) => `Wieder da: ${moment(until, language)}.`,
    times: { hour: "In einer Stunde", tomorrow: "Morgen früh", week: "Nächsten Montag" },
    markDone: (label) => `Als erledigt markieren: ${label}`,
    doneAt: (when) => `Erledigt, ${when}`,
    undo: "Rückgängig",
    close: "Schließen",
    failed: "Das hat nicht geklappt. Versuche es noch einmal.",
    ended: "Melde dich neu an, um deine Benachrichtigungen zu sehen.",
    arrived: (title) => `Neue Benachrichtigung: ${title}`,
    many: (count) => `${count} neue Benachrichtigungen`,
  },
};

export function wordsFor(language) {
  return WORDS[(language || "en").slice(0, 2).toLowerCase()] ?? WORDS.en;
}

// "5 minutes ago", in the reader's language.
export function ago(moment, language) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const steps = [["day", 86_400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return unit === "second" ? format.format(0, "second") : format.format(Math.trunc(seconds / size), unit);
}

// When an item may come back, by the reader's own clock.
export function times(now) {
  const hour = new Date(now.getTime() + 3_600_000);
  const morning = (days) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 9);
  const choices = [["hour", hour], ["tomorrow", morning(1)], ["week", morning(((8 - now.getDay()) % 7) || 7)]];
  return choices.map(([name, until]) => [name, until.toISOString()]);
}

function moment(at, language) {
  const how = { weekday: "long", hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(language, how).format(new Date(at));
}
