// Elements made of parts; `onclick` and its like are listeners. Text is always text: nothing here
// parses markup.

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  drawing.append(line);
  return drawing;
}

export const ICONS = {
  bell: "M6 16V10.5a6 6 0 0 1 12 0V16l1.5 2h-15L6 16ZM9.8 20.5a2.4 2.4 0 0 0 4.4 0",
  gear: "M4 7h8M18 7h2M4 17h2M12 17h8M12 7a3 3 0 1 0 6 0a3 3 0 1 0-6 0M6 17a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
  archive: "M4 5h16v4H4zM5.5 9v10h13V9M10 13h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  open: "M12 5a7 7 0 1 0 0 14a7 7 0 1 0 0-14",
  clock: "M12 4a8 8 0 1 0 0 16a8 8 0 1 0 0-16M12 8v4.5l3 2",
  close: "M6 6l12 12M18 6L6 18",
};

// Only addresses of the web: whatever else a message brings along is no link.
export function webUrl(text) {
  try {
    const url = new URL(text, location.href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
  } catch {
    return null;
  }
}
