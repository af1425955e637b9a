#pragma once

int twice(void);
