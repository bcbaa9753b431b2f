#include "wire/agent_internal.h"
typedef int agent_unused;
