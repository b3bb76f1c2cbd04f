package environ

// Transport is what the clients of AWS send with.
var Transport = transport
