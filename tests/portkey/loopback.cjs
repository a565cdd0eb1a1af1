// The gateway listens on every address and has no option for it: here it is loopback alone.
const net = require("node:net");
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (options, ...rest) {
  const where = typeof options === "object" ? options : { port: options };
  return listen.call(this, { ...where, host: "127.0.0.1" }, ...rest.filter((one) => typeof one === "function"));
};
