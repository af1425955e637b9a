// What is measured of every peer that offers it, and what keyd must reach.

// pinned: server on one core, load on another; free running, p99 is the scheduler's.
export const scenarios = [
  { key: "introspection-16", load: "introspection", connections: 16, title: "introspection, 16 connections" },
  { key: "introspection-64", load: "introspection", connections: 64, title: "introspection, 64 connections" },
  { key: "token-16", load: "token", connections: 16, title: "token, 16 connections" },
  { key: "token-64", load: "token", connections: 64, title: "token, 64 connections" },
  { key: "connections-64", load: "connections", connections: 64, title: "new TLS 1.3 connections" },
  { key: "pinned-64", load: "introspection", connections: 64, pinned: true, title: "introspection, pinned, 64 connections" },
];

// of: which number; least/most: the ratio to `against`, or without it the number itself.
export const targets = [
  { scenario: "introspection-64", of: "rate", peer: "floor", against: "nginx", least: 0.95, validity: true },
  { scenario: "introspection-64", of: "rate", peer: "keyd", against: "floor", least: 0.85 },
  { scenario: "introspection-64", of: "rate", peer: "keyd", against: "oidc-provider", least: 12 },
  { scenario: "pinned-64", of: "p99", peer: "keyd", most: 2 },
  { scenario: "token-64", of: "rate", peer: "keyd", against: "floor-work", least: 0.8 },
  { scenario: "token-64", of: "rate", peer: "keyd", against: "oidc-provider", least: 4 },
  { scenario: "connections-64", of: "rate", peer: "keyd", against: "nginx", least: 0.9 },
];

export const units = { rate: "1/s", cpu: "µs CPU a request", p50: "ms", p99: "ms" };
