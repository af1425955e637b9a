-- What the scripts share: credentials from a file, one "user password token" a line, and a result that a
-- program can read.

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    for shift = 3, 0, -1 do
      local digit = math.floor(n / 64 ^ shift) % 64 + 1
      local padded = (shift == 1 and not b) or (shift == 0 and not c)
      out[#out + 1] = padded and "=" or alphabet:sub(digit, digit)
    end
  end
  return table.concat(out)
end

local requests, at = {}, 0

-- Builds every request before the clock runs; make(user, password, token) gives a body.
function prepare(file, make)
  for line in io.lines(file) do
    local user, password, token = line:match("^(%S+) (%S+) ?(%S*)$")
    requests[#requests + 1] = wrk.format("POST", nil, {
      ["Authorization"] = "Basic " .. base64(user .. ":" .. password),
      ["Content-Type"] = "application/x-www-form-urlencoded",
    }, make(token))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"us":%d,"p50":%d,"p99":%d,"max":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.status, e.connect + e.read + e.write + e.timeout))
end
