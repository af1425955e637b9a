-- A new token by client credentials. Arguments: a file of credentials.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

function init(args)
  prepare(args[1], function() return "grant_type=client_credentials" end)
end
