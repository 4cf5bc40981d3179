// Preloaded into peers that cannot be told to listen on the loopback address alone.
const { Server } = require('node:net')
const { listen } = Server.prototype
Server.prototype.listen = function (port, ...rest) {
  if (typeof port !== 'number') return listen.call(this, port, ...rest)
  const callback = rest.find((argument) => typeof argument === 'function')
  return listen.call(this, { port, host: '127.0.0.1' }, callback)
}
