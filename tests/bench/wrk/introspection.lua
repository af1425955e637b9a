-- Is this token good? Arguments: a file of credentials.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

function init(args)
  prepare(args[1], function(token) return "token=" .. token end)
end
