-- The same page again and again; with "close" on a new connection each time.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

function init(args)
  local headers = args[1] == "close" and { ["Connection"] = "close" } or {}
  local page = wrk.format("GET", nil, headers)
  request = function() return page end
end
