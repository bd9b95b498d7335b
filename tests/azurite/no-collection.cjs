// Each ten minutes Azurite looks for extents that no blob refers to any more. With the hundred thousand of a long storm that keeps
// its one thread for minutes, in which it answers nobody; here it is put off until after the longest test.
require('azurite/dist/src/blob/utils/constants').DEFAULT_GC_INTERVAL_MS = 24 * 60 * 60 * 1000;
