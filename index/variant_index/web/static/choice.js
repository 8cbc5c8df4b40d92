// The choice among a project's wheels, as `variantctl explain` makes it (PEP 825, "Variant ordering").
// Pure: no document. What needs more than comparing was worked out when the page was made (data.py); here
// is only what depends on what a person picks. Names follow variantctl/resolve/choice.py and explain.py.
"use strict";

const variantChoice = (() => {
  const ABI = "abi_dependency";
  const PRIORITY = "priority"; // the namespace that only decides between equal builds
  const MOST = 4; // values that a reason lists, as in resolve/reasons.py

  const mapOf = (pairs) => new Map(pairs);
  const featuresOf = (pairs) => new Map(pairs.map(([name, features]) => [name, mapOf(features)]));
  const key = (...words) => words.join(" :: ");

  // --- what a machine offers: the provider algorithm of PEP 850, with a profile ---

  function supportedBy(release, machine, { enabled, tool }) {
    const offers = new Map();
    for (const { name, optional, static: list, uv } of release.namespaces) {
      if (name === ABI || (optional && !enabled.has(name))) continue;
      let features = [...(list === null ? (machine.supported.get(name) ?? []) : list)];
      if (tool === "uv") features = features.filter(([feature]) => uv === true || uv.includes(feature));
      if (features.length) offers.set(name, mapOf(features));
    }
    if (release.abi.length) offers.set(ABI, mapOf(release.abi)); // any release: resolving decides
    return offers;
  }

  // --- PEP 825's order ---

  // [namespace index, feature index, value index] of the best value of each feature; null: not compatible.
  function sortKeys(properties, release, offers) {
    const keys = [];
    for (const [namespace, features] of properties) {
      const offered = offers.get(namespace);
      if (!offered) return null;
      const place = release.namespaces.findIndex(({ name }) => name === namespace);
      const names = [...offered.keys()];
      for (const [feature, wanted] of features) {
        const best = (offered.get(feature) ?? []).findIndex((value) => wanted.includes(value));
        if (best < 0) return null;
        keys.push([place, names.indexOf(feature), best]);
      }
    }
    return keys.sort(compareLists);
  }

  function compareLists(left, right) {
    for (let at = 0; at < Math.min(left.length, right.length); at++) {
      const here = Array.isArray(left[at]) ? compareLists(left[at], right[at]) : left[at] - right[at];
      if (here) return here;
    }
    return right.length - left.length; // of two lists the one that goes on is the better
  }

  function orderLabels(release, variants, labels, offers) {
    const found = [];
    for (const label of labels) {
      const keys = variants.has(label) ? sortKeys(variants.get(label), release, offers) : null;
      if (keys) found.push([label, keys]);
    }
    const byName = ([left], [right]) => (left < right ? -1 : left > right ? 1 : 0);
    found.sort(byName).sort(([, left], [, right]) => compareLists(left, right));
    const ordered = found.map(([label]) => label);
    if (labels.has("null") && !ordered.includes("null")) ordered.push("null");
    return ordered;
  }

  // --- reasons, in the words of resolve/reasons.py and resolve/explain.py ---

  function summarise(values) {
    if (values.length <= MOST) return values.join(", ");
    return `${values.slice(0, MOST - 2).join(", ")} ... ${values.at(-1)} (${values.length} values)`;
  }

  const need = (item) =>
    `${key(item.namespace, item.feature)} ${item.wanted.length === 1 ? "" : "one of "}${summarise(item.wanted)}`;

  function missingOf(properties, release, offers) {
    const known = new Set([...release.namespaces.map(({ name }) => name), ABI]);
    const missing = [];
    for (const namespace of [...properties.keys()].sort()) {
      for (const feature of [...properties.get(namespace).keys()].sort()) {
        const wanted = properties.get(namespace).get(feature);
        const offered = (known.has(namespace) && offers.get(namespace)?.get(feature)) || [];
        if (!wanted.some((value) => offered.includes(value)))
          missing.push({ namespace, feature, wanted, offered });
      }
    }
    return missing;
  }

  function propertyReasons(missing, offers, who, phrases) {
    const reasons = [];
    for (const namespace of new Set(missing.map((item) => item.namespace))) {
      const items = missing.filter((item) => item.namespace === namespace);
      if (offers.has(namespace)) reasons.push(...items.map((item) => propertyReason(item, who, phrases)));
      else
        reasons.push(`needs ${items.map(need).join(" and ")}; ${who} offers no ${namespace} properties`);
    }
    return reasons.map((detail) => ({ kind: "property", detail }));
  }

  function propertyReason(item, who, phrases) {
    const name = key(item.namespace, item.feature);
    if (!item.offered.length) return `needs ${need(item)}; ${who} offers no ${name}`;
    const words = { who, best: item.offered[0], last: item.offered.at(-1), all: summarise(item.offered) };
    const phrase = phrases.get(name) ?? "{who} offers {all}";
    return `needs ${need(item)}; ${phrase.replace(/\{(\w+)\}/g, (_, word) => words[word])}`;
  }

  // The build number in a file's name (PEP 427): the part after the version that begins with a digit, or "".
  const buildOf = ({ filename }) => filename.split("-")[2].match(/^\d.*/)?.[0] ?? "";

  // Why of two wheels of one label the other comes first: what the ranking compares, in its order.
  function withinLabel(wheel, before, ranks) {
    if (ranks[before.kind] !== ranks[wheel.kind]) return "whose tags fit better";
    const number = buildOf(before);
    if (number === buildOf(wheel)) return "which fits as well: the first by name is taken";
    return `whose build number ${number.replace(/^0+(?=\d)/, "") || 0} is higher`;
  }

  // Why a wheel that can be taken is where it is, after the one `before` it.
  function placeReason(item, before, ranks) {
    const { label } = item.wheel;
    if (!before) {
      if (item.best.length) return { kind: "best", detail: `it has ${item.best.join(", ")}` };
      return label === null ? null : { kind: "best", detail: "no variant with properties can be taken" };
    }
    const other = before.wheel;
    const order = (detail) => ({ kind: "order", detail });
    if (other.label === label)
      return order(`comes after ${other.filename}, ${withinLabel(item.wheel, other, ranks)}`);
    if (label === null) return order("a non-variant wheel comes after every variant");
    if (!item.properties.size) return order("the null variant comes after every other variant");
    for (const [at, mine] of item.best.entries()) {
      if (at < before.best.length && mine !== before.best[at])
        return order(`${mine} comes after ${before.best[at]} (${other.label})`);
    }
    if (item.best.length < before.best.length)
      return order(`${other.label} has ${before.best.slice(item.best.length).join(", ")} too`);
    if (item.properties.has(PRIORITY))
      return order(`is as good as ${other.label}, which its publisher puts first`);
    return order(`its properties rank the same as those of ${other.label}`);
  }

  // --- the verdicts ---

  function bestOf(properties, release, offers) {
    const best = [];
    for (const { name } of release.namespaces) {
      if (name === PRIORITY) continue;
      for (const [feature, values] of offers.get(name) ?? []) {
        const wanted = properties.get(name)?.get(feature) ?? [];
        const value = values.find((one) => wanted.includes(one));
        if (value !== undefined) best.push(key(name, feature, value));
      }
    }
    return best;
  }

  // What the labels of a release were built for on a platform: a place may build them otherwise there.
  function variantsOf(release, platform) {
    const [, there] = release.elsewhere.find(([number]) => number === platform) ?? [];
    return new Map((there ?? release.variants).map(([label, pairs]) => [label, featuresOf(pairs)]));
  }

  function judge(release, fit, machine, phrases, asked, allowYanked) {
    const variants = variantsOf(release, asked.platform);
    const propertiesOf = (label) => (label === null ? new Map() : variants.get(label)) ?? new Map();
    const offers = supportedBy(release, machine, asked);
    const wheels = asked.tool === "pip" ? release.wheels.filter(({ label }) => label === null) : release.wheels;
    const ruledOut = (wheel) => wheel.yanked !== false && wheel.yanked !== "" && !allowYanked;
    const fits = (wheel) => fit.ranks[wheel.kind] !== null && fit.accepted[wheel.kind];

    // `--accelerator require`: of a project with builds for accelerators only those may be taken.
    const withheld = ({ label }) => asked.builtForDevices && !usesDevice(propertiesOf(label), release);

    const left = wheels.filter((wheel) => fits(wheel) && !ruledOut(wheel) && !withheld(wheel));
    const labels = new Set(left.map((wheel) => wheel.label).filter((label) => label !== null));
    const order = orderLabels(release, variants, labels, offers);
    const place = (wheel) => (wheel.label === null ? order.length : order.indexOf(wheel.label));
    const ranked = left
      .filter((wheel) => wheel.label === null || order.includes(wheel.label))
      .sort((a, b) => place(a) - place(b) || fit.ranks[a.kind] - fit.ranks[b.kind] || a.tie - b.tie);

    const judged = ranked.map((wheel, at) => {
      const properties = propertiesOf(wheel.label);
      const verdict = at ? "compatible" : "selected";
      return { wheel, verdict, rank: at + 1, properties, best: bestOf(properties, release, offers) };
    });
    for (const [at, item] of judged.entries()) {
      const reason = placeReason(item, judged[at - 1], fit.ranks);
      item.reasons = reason ? [reason] : [];
    }
    const rest = wheels.filter((wheel) => !ranked.includes(wheel)).map(refuse);
    rest.sort((a, b) => nearness(a) - nearness(b));
    return { wheels: [...judged, ...rest], offers };

    function refuse(wheel) {
      const reasons = [];
      if (fit.ranks[wheel.kind] === null) reasons.push({ kind: "tags", detail: fit.reasons[wheel.kind] });
      if (!fit.accepted[wheel.kind])
        reasons.push({
          kind: "requires-python",
          detail: `needs Python ${wheel.requiresPython}, but this is ${fit.python}`,
        });
      if (wheel.label !== null && wheel.label !== "null" && !variants.has(wheel.label)) {
        const detail = `the variant metadata does not list the label '${wheel.label}'`;
        reasons.push({ kind: "unknown-label", detail });
      } else {
        const missing = missingOf(propertiesOf(wheel.label), release, offers);
        reasons.push(...propertyReasons(missing, offers, machine.who, phrases));
      }
      const verdict = reasons.length ? "incompatible" : "excluded";
      if (withheld(wheel) && !reasons.length)
        reasons.push({ kind: "accelerator", detail: "is built for no accelerator, and one is required" });
      if (ruledOut(wheel)) {
        const why = typeof wheel.yanked === "string" ? wheel.yanked : "no reason given";
        reasons.push({ kind: "yanked", detail: `was yanked: ${why}; only == with this version takes it` });
      }
      return { wheel, verdict, rank: null, properties: propertiesOf(wheel.label), best: [], reasons };
    }
  }

  const foreign = (item) => item.reasons.some(({ kind }) => kind === "tags" || kind === "requires-python");
  const nearness = (item) => (item.verdict === "excluded" ? 0 : foreign(item) ? 2 : 1);

  // --- what a person asks ---

  // A machine of the page's list, perhaps with another driver; or one that `variantctl detect --json` told of.
  function machineOf(data, { machine, device, driver }) {
    if (machine) return { ...machine, supported: featuresOf(machine.supported) };
    const { name, supported, drivers, driver: own } = data.devices[device];
    const lists = (pairs) =>
      pairs.map(([namespace, features]) => [namespace, features.map(([feature, at]) => [feature, data.lists[at]])]);
    const offers = featuresOf(lists(supported));
    const [version, overlay] = drivers[driver] ?? [null, []];
    for (const [namespace, features] of featuresOf(lists(overlay))) offers.set(namespace, features);
    const described = name && (version === null || own.endsWith(` ${version}`));
    return { who: described ? `profile ${name}` : "this machine", supported: offers };
  }

  const PROCESSORS = new Set(["x86_64", "aarch64"]);

  const hasAccelerator = ({ supported }) => [...supported.keys()].some((name) => !PROCESSORS.has(name));

  // Whether properties are about a device; what metadata lists itself is none (variants/accelerators.py).
  function usesDevice(properties, release) {
    const isStatic = (name) => (release.namespaces.find((each) => each.name === name)?.static ?? null) !== null;
    const isDevice = (name) => !PROCESSORS.has(name) && name !== ABI && !isStatic(name);
    return [...properties.keys()].some(isDevice);
  }

  // Whether a release has a build for a device of the machine.
  function usesAccelerator({ release, wheels }) {
    return wheels.some(({ rank, properties }) => rank !== null && usesDevice(properties, release));
  }

  const hasDeviceBuilds = (data, platform) =>
    data.releases.some((release) => [...variantsOf(release, platform).values()].some((each) => usesDevice(each, release)));

  // The wheels of the first release that a request tries and that has one to take; the first, if none has.
  // asked: {specifier, platform, python, device}: the last three are numbers of data's lists;
  // driver: a number of the device's drivers, in place of its own;
  // enabled: the namespaces whose optional provider is to be asked; machine: in place of a device;
  // tool: "uv" or "pip", of which the former knows fewer providers and the latter no variants.
  // policy: as --accelerator has it: "prefer" where it is not said, "require" or "any".
  function choose(data, asked) {
    const machine = machineOf(data, asked);
    const { grounds } = asked.machine ?? data.devices[asked.device];
    const phrases = new Map(data.phrases.map(([namespace, feature, text]) => [key(namespace, feature), text]));
    const fit = data.fits[data.places[grounds[asked.platform]][asked.python]];
    const request = data.requests.find(({ specifier }) => specifier === asked.specifier);
    const builtForDevices = asked.policy === "require" && hasDeviceBuilds(data, asked.platform);
    const options = { enabled: new Set(), ...asked, builtForDevices };
    const releases = request.tries.slice(0, request.finals);
    const others = request.tries.slice(request.finals);
    for (const allowYanked of request.pinned ? [false, true] : [false]) {
      const found = first(releases, allowYanked) ?? first(others, allowYanked);
      if (found) return found;
    }
    return explained(request.tries[0], request.pinned);

    // The newest release with a build for the machine's accelerator goes before newer ones without
    // (resolve/accelerator_order.py); uv and pip take the newest. over: what is passed over for it.
    function first(numbers, allowYanked) {
      const over = [];
      for (const number of numbers) {
        const found = explained(number, allowYanked);
        if (!found.selected) {
          if (found.wheels.some(({ reasons }) => reasons.some(({ kind }) => kind === "accelerator"))) over.push(found);
          continue;
        }
        if (!over.length && (asked.tool || asked.policy === "any" || !hasAccelerator(machine))) return found;
        if (usesAccelerator(found)) return { ...found, over: over.map(({ release }) => release.version) };
        over.push(found);
      }
      return over.find(({ selected }) => selected) ?? null;
    }

    function explained(number, allowYanked) {
      const release = data.releases[number];
      const { wheels, offers } = judge(release, fit, machine, phrases, options, allowYanked);
      const selected = wheels.find(({ verdict }) => verdict === "selected") ?? null;
      const environment = asked.platform * data.pythons.length + asked.python;
      const needs = selected ? needsOf(data, selected.wheel, environment, offers) : [];
      return { release, wheels, selected, needs, machine };
    }
  }

  function needsOf(data, wheel, environment, offers) {
    return wheel.needs
      .map((number) => data.needs[number])
      .filter(({ asks, holds }) => {
        const cases = typeof holds === "string" ? holds : holds[environment];
        const number = asks.reduce((sum, [namespace, feature, value], bit) => {
          const there = offers.get(namespace)?.get(feature)?.includes(value);
          return sum + (there ? 1 << bit : 0);
        }, 0);
        return cases[number] === "1";
      })
      .map(({ text }) => text);
  }

  return { choose, foreign };
})();
