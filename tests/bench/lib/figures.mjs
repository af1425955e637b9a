// From repeated measurements to figures: { name, value, unit, against, ratio, target, met }.
import { scenarios, targets, units } from "./plan.mjs";

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function rounded(value) {
  return value === null ? null : Number(value.toPrecision(value >= 1000 ? 4 : 3));
}

// samples[peer][scenario] is a list of { rate, cpu, p50, p99 }; the median of each, taken apart.
export function medians(samples) {
  const result = {};
  for (const [peer, byScenario] of Object.entries(samples)) {
    result[peer] = {};
    for (const [scenario, list] of Object.entries(byScenario)) {
      result[peer][scenario] = {};
      for (const of of Object.keys(list[0])) result[peer][scenario][of] = median(list.map((one) => one[of]));
    }
  }
  return result;
}

export function figure({ name, value, unit, against = null, base = null, least, most }) {
  const ratio = base === null ? null : value / base;
  const judged = ratio ?? value;
  const limit = least ?? most;
  return {
    name, value: rounded(value), unit, against, ratio: rounded(ratio),
    target: limit === undefined ? null : `${least === undefined ? "≤" : "≥"} ${limit}`,
    met: limit === undefined ? null : (least === undefined ? judged <= most : judged >= least),
  };
}

function judged(target, results) {
  const value = results[target.peer]?.[target.scenario]?.[target.of];
  const base = target.against ? results[target.against]?.[target.scenario]?.[target.of] : null;
  if (value === undefined || base === undefined) return null;
  const { title } = scenarios.find((one) => one.key === target.scenario);
  return {
    ...figure({
      name: `${title}, ${target.of}: ${target.peer}`, value, unit: units[target.of],
      against: target.against ?? null, base, least: target.least, most: target.most,
    }),
    validity: Boolean(target.validity),
  };
}

// Every figure without a target stands as a ratio to the floor.
function plain(results) {
  const list = [];
  for (const [peer, byScenario] of Object.entries(results)) {
    for (const { key, title } of scenarios) {
      for (const of of ["rate", "cpu", "p99"]) {
        const value = byScenario[key]?.[of];
        if (value === undefined) continue;
        const against = ["floor", "floor-work"].find((floor) => floor !== peer && results[floor]?.[key]);
        const base = against ? results[against][key][of] : null;
        list.push(figure({ name: `${title}, ${of}: ${peer}`, value, unit: units[of], against, base }));
      }
    }
    if (byScenario.memory) {
      const base = peer === "floor" ? null : results.floor?.memory?.peak ?? null;
      list.push(figure({
        name: `peak memory: ${peer}`, value: byScenario.memory.peak, unit: "MiB",
        against: base === null ? null : "floor", base,
      }));
    }
  }
  return list;
}

export function figures(results) {
  return [...plain(results), ...targets.map((target) => judged(target, results)).filter(Boolean)];
}
