"""The steps of the frame queue that must not be torn apart, as Lua for Redis 6.2 and later.

An entry has the fields e (epoch), s (sequence), h (header as JSON) and j (JPEG). Acknowledging
and deleting go together everywhere, so the number of waiting frames is the length of the stream
less the number of pending ones.
"""

from typing import Final

_FIELDS: Final = """
local function field(entry, name)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == name then return entry[2][i + 1] end
  end
end
"""

OFFER: Final = (
    _FIELDS
    + """
-- ARGV: group, limit, most pending, is replay, epoch, sequence, header, jpeg
local key, group = KEYS[1], ARGV[1]
local limit, most_pending = tonumber(ARGV[2]), tonumber(ARGV[3])

local function state()
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if not groups.err then
    for _, info in ipairs(groups) do
      local facts = {}
      for i = 1, #info, 2 do facts[info[i]] = info[i + 1] end
      if facts['name'] == group then return facts['pending'], facts['last-delivered-id'] end
    end
  end
  local made = redis.pcall('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM')
  if type(made) == 'table' and made.err then return nil, made.err end
  return 0, '0-0'
end

local pending, last = state()
if not pending then
  if string.find(last, 'OOM', 1, true) then return {'oom', {}} end
  return redis.error_reply(last)
end

local excess = redis.call('XLEN', key) - pending - limit + 1
if excess > 0 and ARGV[4] == '1' then return {'full', {}} end

local dropped = {}
local function drop(entries, acknowledge)
  for _, entry in ipairs(entries) do
    if acknowledge then redis.call('XACK', key, group, entry[1]) end
    redis.call('XDEL', key, entry[1])
    if field(entry, 'e') == ARGV[5] then dropped[#dropped + 1] = field(entry, 's') end
  end
end
if excess > 0 then
  drop(redis.call('XRANGE', key, '(' .. last, '+', 'COUNT', excess), false)
end
if pending > most_pending and ARGV[4] == '0' then
  drop(redis.call('XRANGE', key, '-', last, 'COUNT', pending - most_pending), true)
end

-- Redis refuses for lack of memory only the first write of a script: so nothing that is not needed
-- goes before, and a frame that pushes another one out takes its room.
local added = redis.pcall('XADD', key, '*',
  'e', ARGV[5], 's', ARGV[6], 'h', ARGV[7], 'j', ARGV[8])
if type(added) == 'table' and added.err then
  if string.find(added.err, 'OOM', 1, true) then return {'oom', dropped} end
  return redis.error_reply(added.err)
end
-- A worker that found no stream has made one that expires.
redis.call('PERSIST', key)
return {'ok', dropped}
"""
)

TAKE: Final = (
    _FIELDS
    + """
-- ARGV: group, consumer, count. One frame of each stream in turn until there are enough.
local group, consumer, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local taken, is_empty = {}, {}

local function next_of(key)
  local reply = redis.pcall('XREADGROUP', 'GROUP', group, consumer, 'COUNT', 1, 'STREAMS', key, '>')
  if reply and reply.err then
    if not string.find(reply.err, 'NOGROUP', 1, true) then return nil, reply.err end
    local made = redis.pcall('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM')
    if type(made) == 'table' and made.err then return nil, made.err end
    -- It goes by itself unless a frame arrives: the camera may just have been removed.
    if redis.call('XLEN', key) == 0 then redis.call('EXPIRE', key, 60) end
    return next_of(key)
  end
  return reply and reply[1] and reply[1][2][1]
end

local found = true
while found and #taken < count do
  found = false
  for i, key in ipairs(KEYS) do
    if #taken < count and not is_empty[i] then
      local entry, failure = next_of(key)
      if failure then return redis.error_reply(failure) end
      if entry then
        found = true
        taken[#taken + 1] = {entry[1], field(entry, 'h'), field(entry, 'j')}
      else
        is_empty[i] = true
      end
    end
  end
end
return taken
"""
)

RECLAIM: Final = (
    _FIELDS
    + """
-- ARGV: group, consumer, least idle ms, count, dead consumer or ''. XPENDING says how often each
-- was delivered, which XAUTOCLAIM does not.
local group, consumer, idle, count, dead = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local claimed = {}
for _, key in ipairs(KEYS) do
  if #claimed >= count then break end
  local query = {'XPENDING', key, group, 'IDLE', idle, '-', '+', count - #claimed}
  if dead ~= '' then query[#query + 1] = dead end
  local waiting = redis.pcall(unpack(query))
  if not waiting.err then
    for _, item in ipairs(waiting) do
      local reply = redis.call('XCLAIM', key, group, consumer, idle, item[1])
      local entry = reply[1]
      if entry and entry[2] then
        claimed[#claimed + 1] = {entry[1], field(entry, 'h'), field(entry, 'j'), item[4] + 1}
      else
        redis.call('XACK', key, group, item[1])
      end
    end
  elseif not string.find(waiting.err, 'NOGROUP', 1, true) then
    return redis.error_reply(waiting.err)
  end
end
return claimed
"""
)

FORGET: Final = """
-- ARGV: group, consumer. Deleting a consumer that still has frames would lose them.
for _, key in ipairs(KEYS) do
  local left = redis.pcall('XPENDING', key, ARGV[1], '-', '+', 1, ARGV[2])
  if not left.err and #left == 0 then
    redis.pcall('XGROUP', 'DELCONSUMER', key, ARGV[1], ARGV[2])
  end
end
"""

ACKNOWLEDGE: Final = """
-- ARGV: group, identifiers
redis.call('XACK', KEYS[1], unpack(ARGV))
redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
"""
