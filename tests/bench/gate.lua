-- Reviews for wrk: a pod of three images, at least 4 KB long, each with a uid of its own; every answer is looked at.
local count = 0
function setup(thread)
  count = count + 1
  thread:set("number", count)
end

local before, after, asked
function init(arguments)
  local images = {}
  for line in io.lines(arguments[1]) do images[#images + 1] = line end
  local file = io.popen("python3 tests/bench/reviews.py template '" .. table.concat(images, "' '") .. "'")
  local review = file:read("*a")
  file:close()
  local first, last = review:find("@UID@", 1, true)
  before, after, asked = review:sub(1, first - 1), review:sub(last + 1), 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrong = 0
end

function request()
  asked = asked + 1
  return wrk.format(nil, nil, nil, before .. string.format("%08x-0000-4000-8000-%012x", number, asked) .. after)
end

function response(status, headers, body)
  if status ~= 200 or not body:find('"allowed":true', 1, true) then
    wrong = wrong + 1
    if wrong == 1 then print("not allowed: " .. body) end
  end
end
