// The project page: reads what a person picks, asks choice.js, and shows the answer. Decides nothing itself.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const chooser = document.getElementById("chooser");
  if (!chooser) return; // no wheel for any platform that there is a question for
  const questions = document.getElementById("questions");
  const index = new URL("../../simple/", location.href.replace(/[?#].*$/, "")).href;
  const get = (id) => document.getElementById(id);
  let own = null; // the machine that `variantctl detect --json` described

  // --- small pieces of document ---

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  const code = (text) => element("code", {}, text);
  const fill = (id, ...children) => get(id).replaceChildren(...children);

  // As jinja2's filesizeformat writes sizes in the table.
  function sizeOf(bytes) {
    const units = ["kB", "MB", "GB", "TB"];
    if (bytes < 1000) return bytes === 1 ? "1 Byte" : `${bytes} Bytes`;
    const power = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
    return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1]}`;
  }

  const nameOf = (label) => (label === null ? "the non-variant wheel" : `the variant ${label}`);
  // Files of other indexes have links of their own, so that this page may lie anywhere.
  const page = `${index}${encodeURIComponent(data.name)}/`;
  const policy = () => get("policy")?.value ?? "prefer";
  const linkOf = ({ filename, link }) => (link ? element("a", { href: new URL(link, page).href }, filename) : filename);

  // --- the questions ---

  const checked = (name) => questions.querySelector(`input[name=${name}]:checked`);
  const picked = (name) => Number(checked(name).value);
  const check = (name, number) => {
    get(`${name}-${number}`).checked = true;
  };

  function asked() {
    return {
      specifier: get("version").value,
      platform: picked("platform"),
      python: picked("python"),
      device: picked("device"),
      driver: get("driver").selectedIndex,
      enabled: new Set([...questions.querySelectorAll("input[name=enable]:checked")].map((box) => box.value)),
      machine: own,
      policy: policy(),
    };
  }

  // A device and a platform that do not go together: what was picked last stays, the other follows.
  function reconcile(changed) {
    const { platform, device } = asked();
    const { grounds, home } = data.devices[device];
    if (grounds[platform] !== null) return;
    if (changed === "platform") check("device", data.devices.length - 1);
    else check("platform", home ?? grounds.findIndex((ground) => ground !== null));
  }

  // The drivers that the device may have; its own, unless another version was picked.
  function offerDrivers(wanted) {
    const { drivers, driver } = data.devices[picked("device")];
    const [what, described] = driver.split(" ");
    const options = drivers.map(([version]) => element("option", { value: version }, `${what} ${version}`));
    fill("driver", ...options);
    get("driver").selectedIndex = drivers.findIndex(([version]) => version === (wanted ?? described));
    if (drivers.length && get("driver").selectedIndex < 0) offerDrivers();
    get("drivers").hidden = !drivers.length || own !== null;
  }

  // What is picked is part of the address: a link to an answer.
  function remember(choice) {
    const words = new URLSearchParams({
      version: choice.specifier.slice(2),
      platform: data.platforms[choice.platform].id,
      python: data.pythons[choice.python],
      device: data.devices[choice.device].name,
    });
    if (hasOtherDriver(choice)) words.set("driver", get("driver").value);
    if (choice.policy !== "prefer") words.set("builds", choice.policy);
    if (!words.get("version")) words.delete("version");
    history.replaceState(null, "", `#${words}`);
  }

  function hasOtherDriver({ device, driver }) {
    const { drivers, driver: own } = data.devices[device];
    return driver >= 0 && !own.endsWith(` ${drivers[driver][0]}`);
  }

  function recall() {
    const words = new URLSearchParams(location.hash.slice(1));
    const place = (list, wanted) => Math.max(0, list.indexOf(wanted));
    const version = `==${words.get("version")}`;
    get("version").value = data.requests.some(({ specifier }) => specifier === version) ? version : "";
    check("platform", place(data.platforms.map(({ id }) => id), words.get("platform")));
    check("python", place(data.pythons, words.get("python") ?? defaultPython()));
    const device = data.devices.findIndex(({ name }) => name === words.get("device"));
    const fitting = data.devices.findIndex(({ grounds }) => grounds[picked("platform")] !== null);
    check("device", device >= 0 ? device : fitting);
    reconcile("device");
    offerDrivers(words.get("driver") ?? undefined);
    if (get("policy")) get("policy").value = ["any", "require"].includes(words.get("builds")) ? words.get("builds") : "prefer";
  }

  // The newest Python, free-threaded ones aside, that the newest version has a wheel for.
  function defaultPython() {
    const newest = data.releases[data.requests[0].tries[0]];
    return data.pythons.find((python, at) => {
      const fit = data.fits[data.places[0][at]];
      const fits = ({ kind }) => fit.ranks[kind] !== null && fit.accepted[kind];
      return !python.endsWith("t") && newest.wheels.some(fits);
    });
  }

  // --- the commands ---

  const quote = (word) => (/^[\w@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const line = (...words) => words.flat().map(quote).join(" ");

  // Of indexes of others (`index selector`): variantctl chooses there again; uv and pip are told the very
  // build and where it lies, as they know of no devices.
  function commandsElsewhere(choice, { selected, release }) {
    const what = data.name + choice.specifier;
    const enabled = [...choice.enabled].flatMap((name) => ["--enable-provider", name]);
    const options = [...data.options, ...enabled, ...(choice.policy === "prefer" ? [] : ["--accelerator", choice.policy])];
    const device = own ? null : data.devices[choice.device];
    const commands = [
      { tool: "variantctl", what: "on that machine: it detects what is there", line: line("variantctl", "install", what, options) },
    ];
    if (device?.name && device.home === choice.platform && !hasOtherDriver(choice))
      commands.push({
        tool: "variantctl",
        what: "for that machine, from another one",
        line: line("variantctl", "install", what, "--profile", device.name, "--target", "site-packages", options),
      });
    if (!selected) return commands;
    const { wheel } = selected;
    if (wheel.label !== null && !wheel.version) {
      // A variant by its name: uv has a preview of them, and pip goes through the proxy.
      const from = ["--index-url", data.sources[wheel.source]];
      commands.push({
        tool: "uv",
        what: "with its preview of wheel variants",
        line: line("uv", "pip", "install", "--preview-features", "wheel-variants", what, from),
        note: uvNote(choice, { selected, release }),
      });
      commands.push({
        tool: "pip",
        what: "which knows nothing of variants, through variantctl's proxy",
        line: line("variantctl", "proxy", options, "--", "pip", "install", what),
      });
      return commands;
    }
    const same = get("only").checked;
    const build = wheel.source === null ? [wheel.link] : [`${wheel.distribution || data.name}==${wheel.version || release.version}`];
    const from = (only, first) => (wheel.source === null ? [] : [same ? only : first, data.sources[wheel.source]]);
    const note = wheel.version || wheel.source === null ? "It takes this very build, on any machine." : "";
    commands.push({ tool: "uv", what: "", line: line("uv", "pip", "install", build, from("--index-url", "--index")), note });
    commands.push({ tool: "pip", what: "", line: line("pip", "install", build, from("--index-url", "--extra-index-url")), note });
    return commands;
  }

  function commandsFor(choice, found) {
    if (data.options) return commandsElsewhere(choice, found);
    const what = data.name + choice.specifier;
    const everything = get("only").checked;
    const from = (only, first) => [everything ? only : first, index];
    const enabled = [...choice.enabled].flatMap((name) => ["--enable-provider", name]);
    const options = [...from("--index-url", "--extra-index-url"), ...enabled];
    const device = own ? null : data.devices[choice.device];
    const commands = [
      {
        tool: "variantctl",
        what: "on that machine: it detects what is there",
        line: line("variantctl", "install", what, options),
      },
    ];
    if (device?.name && device.home === choice.platform && !hasOtherDriver(choice))
      commands.push({
        tool: "variantctl",
        what: "for that machine, from another one",
        line: line("variantctl", "install", what, "--profile", device.name, "--target", "site-packages", options),
      });
    commands.push({
      tool: "uv",
      what: "with its preview of wheel variants",
      line: line("uv", "pip", "install", "--preview-features", "wheel-variants", what, from("--index-url", "--index")),
      note: uvNote(choice, found),
    });
    commands.push({
      tool: "pip",
      what: "which knows nothing of variants, through variantctl's proxy",
      line: line("variantctl", "proxy", options, "--", "pip", "install", what),
      note: pipNote(choice),
    });
    return commands;
  }

  // Of the providers that uv does not know (data.py says which) nothing is supported there.
  function uvNote(choice, { selected, release }) {
    if (!selected) return "";
    if (selected.wheel.variantMarkers)
      return "uv 0.13 cannot read the variant markers in this wheel's dependencies yet: use the proxy.";
    const seen = variantChoice.choose(data, { ...choice, tool: "uv" });
    if (seen.selected?.wheel.filename === selected.wheel.filename) return "uv takes the same wheel.";
    const unknown = release.namespaces.filter(({ uv }) => uv !== true).map(({ name }) => name);
    const takes = seen.selected ? `takes ${nameOf(seen.selected.wheel.label)} of ${seen.release.version}` : "finds nothing";
    return `uv 0.13 cannot tell ${unknown.join(", ") || "all of this"}, and ${takes}: use the proxy.`;
  }

  function pipNote(choice) {
    const { selected, release } = variantChoice.choose(data, { ...choice, tool: "pip" });
    return selected
      ? `Without the proxy pip takes the non-variant wheel of ${release.version}, whatever the machine.`
      : "Without the proxy pip finds nothing: there is no non-variant wheel for this Python and system.";
  }

  function commandBlock({ tool, what, line: text, note }) {
    const block = element("div", { class: "command" });
    block.append(element("p", { class: "what" }, element("strong", {}, tool), ` ${what}`));
    // A line breaks between words only, unless a word is longer than a line.
    const words = text.split(" ").flatMap((word) => [element("span", {}, word), " "]);
    const row = element("div", { class: "line" }, element("pre", {}, element("code", {}, ...words.slice(0, -1))));
    if (navigator.clipboard) {
      const button = element("button", { type: "button", "aria-label": `Copy the command: ${tool} ${what}` }, "Copy");
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      row.append(button);
    }
    block.append(row);
    if (note) block.append(element("p", { class: "note" }, note));
    return block;
  }

  // --- the answer ---

  function show() {
    const choice = asked();
    const found = variantChoice.choose(data, choice);
    const machine = own ?? data.devices[choice.device];
    const where = `${data.platforms[choice.platform].title}, Python ${data.pythons[choice.python]}`;
    const subject = own ? "Your machine" : machine.name ? machine.title : "Such a machine";
    get("about-device").textContent = own ? "Your machine, as pasted below." : `${machine.description}.`;
    get("drivers").hidden = own !== null || !machine.drivers.length;
    get("answer").classList.toggle("nothing", !found.selected);
    showSelected(found, `${subject} (${where})`);
    fill("commands", ...commandsFor(choice, found).map(commandBlock));
    get("updates").textContent = updatesFor(choice, found);
    showOthers(found);
    remember(choice);
  }

  function showSelected({ selected, release, needs, wheels, over }, subject) {
    const version = `${data.name} ${release.version}`;
    if (!selected) {
      get("verdict").textContent = `${subject} gets no wheel of ${version}:`;
      fill("headline", "nothing fits");
      fill("facts");
      const nearest = wheels[0];
      get("why").textContent = nearest ? `${nearest.wheel.filename} ${details(nearest)}.` : "";
      fill("needs", element("li", {}, "none"));
      return;
    }
    const { wheel, reasons } = selected;
    get("verdict").textContent = `${subject} gets ${nameOf(wheel.label)} of ${version}.`;
    fill("headline", wheel.label === null ? "not a variant" : code(wheel.label));
    const facts = [["Version", release.version], ["Wheel", linkOf(wheel)]];
    if (wheel.size !== null) facts.push(["Size", sizeOf(wheel.size)]);
    if (wheel.requiresPython) facts.push(["Python", wheel.requiresPython]);
    if (wheel.yanked) facts.push(["Yanked", wheel.yanked === true ? "no reason given" : wheel.yanked]);
    fill("facts", ...facts.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
    const why = reasons.length ? sentence(details(selected)) : "It is the only kind of wheel that fits.";
    const without = over?.length ? ` ${over.join(", ")} ${over.length > 1 ? "have" : "has"} no build for this machine's accelerator.` : "";
    get("why").textContent = why + without;
    const none = wheel.described ? "none" : "not known: the index has no METADATA beside the wheel";
    fill("needs", ...(needs.length ? needs.map((text) => element("li", {}, code(text))) : [element("li", {}, none)]));
  }

  const details = ({ reasons }) => reasons.map(({ detail }) => detail).join("; ");
  const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

  // What newer drivers of the device would change, by choosing again with each: the lowest that does.
  function updatesFor(choice, found) {
    const { drivers, driver } = data.devices[choice.device];
    const [what] = driver.split(" ");
    const sentences = [];
    let taken = found.selected?.wheel.label;
    let before = found.release.version;
    for (let newer = choice.driver - 1; newer >= 0 && !own; newer--) {
      const { selected, release } = variantChoice.choose(data, { ...choice, driver: newer });
      const version = release.version;
      if (!selected || (selected.wheel.label === taken && version === before)) continue;
      taken = selected.wheel.label;
      const of = version === found.release.version ? "" : ` of ${data.name} ${version}`;
      before = version;
      sentences.push(`With ${what} ${drivers[newer][0]} it would get ${nameOf(taken)}${of}.`);
    }
    return sentences.join(" ");
  }

  function showOthers({ wheels, release }) {
    const listed = wheels.filter((item) => !variantChoice.foreign(item));
    const rows = listed.map((item) => {
      const { wheel, verdict, rank } = item;
      const label = wheel.label === null ? element("span", { class: "plain" }, "not a variant") : element("code", { class: "label" }, wheel.label);
      return element(
        "tr",
        { class: verdict },
        element("td", {}, rank === null ? "" : String(rank)),
        element("th", { scope: "row" }, label),
        element("td", { class: `verdict-${verdict}` }, verdict),
        element("td", {}, details(item)),
        element("td", {}, linkOf(wheel)),
      );
    });
    get("others").tBodies[0].replaceChildren(...rows);
    get("others-caption").textContent = `The wheels of ${data.name} ${release.version} for this Python and system, best first`;
    const hidden = wheels.length - listed.length;
    const count = hidden === 1 ? "1 wheel of this version is" : `${hidden} wheels of this version are`;
    get("hidden-note").textContent = hidden ? `${count} for another Python or system.` : "";
  }

  // --- a machine of one's own ---

  function readDetected() {
    const text = get("detected").value.trim();
    own = null;
    let note = "It stays in this page.";
    if (text) {
      try {
        own = machineOf(JSON.parse(text));
        note = `It offers ${own.supported.map(([name]) => name).join(", ") || "nothing of any namespace"}.`;
      } catch {
        note = "That is not what 'variantctl detect --json' prints.";
      }
    }
    get("detected-note").textContent = note;
    questions.querySelectorAll("input[name=device]").forEach((input) => (input.disabled = own !== null));
    show();
  }

  function machineOf(detected) {
    const supported = detected.providers
      .filter(({ status, features }) => status === "ok" && features.length)
      .map(({ namespace, features }) => [namespace, features.map(({ name, values }) => [name, values])]);
    return { who: "your machine", supported, grounds: data.devices.at(-1).grounds, name: "" };
  }

  recall();
  chooser.hidden = false;
  questions.addEventListener("submit", (event) => event.preventDefault());
  questions.addEventListener("change", ({ target }) => {
    if (target.id === "detected") return;
    const before = picked("device");
    reconcile(target.name);
    if (target.name === "device" || picked("device") !== before) offerDrivers();
    show();
  });
  addEventListener("hashchange", () => {
    recall();
    show();
  });
  get("detected").addEventListener("input", readDetected);
  get("sources").addEventListener("change", show);
  show();
})();
