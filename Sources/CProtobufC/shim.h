#ifndef FRAMEDRPC_CPROTOBUFC_SHIM_H
#define FRAMEDRPC_CPROTOBUFC_SHIM_H

#include <protobuf-c/protobuf-c.h>

#endif
