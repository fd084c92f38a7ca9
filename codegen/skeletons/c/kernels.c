static float activated(float x, enum activation activation)
{
    switch (activation) {
    case RELU:
        return x > 0.0f ? x : 0.0f;
    case RELU6:
        return x < 0.0f ? 0.0f : x > 6.0f ? 6.0f : x;
    case HARD_SIGMOID:
        return x <= -3.0f ? 0.0f : x >= 3.0f ? 1.0f : x / 6.0f + 0.5f;
    case HARD_SWISH:
        return x <= -3.0f ? 0.0f : x >= 3.0f ? x : x * (x + 3.0f) / 6.0f;
    case SIGMOID:
        return 1.0f / (1.0f + expf(-x));
    default:
        return x;
    }
}

static void conv2d(const float *x, int channels, int height, int width, const float *weight, const float *bias,
                   int out_channels, int kernel, int stride, int padding, int dilation, int groups,
                   enum activation activation, float *y)
{
    const int rows = (height + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    const int columns = (width + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    const int inner = channels / groups;
    for (int o = 0; o < out_channels; o++) {
        const float *from = x + o / (out_channels / groups) * inner * height * width;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                float sum = bias[o];
                for (int c = 0; c < inner; c++) {
                    for (int i = 0; i < kernel; i++) {
                        const int at_row = row * stride - padding + i * dilation;
                        if (at_row < 0 || at_row >= height) {
                            continue;
                        }
                        for (int j = 0; j < kernel; j++) {
                            const int at_column = column * stride - padding + j * dilation;
                            if (at_column >= 0 && at_column < width) {
                                sum += from[(c * height + at_row) * width + at_column]
                                       * weight[((o * inner + c) * kernel + i) * kernel + j];
                            }
                        }
                    }
                }
                *y++ = activated(sum, activation);
            }
        }
    }
}

static void conv2d_int8(const float *x, int channels, int height, int width, const signed char *weight,
                        const float *steps, const float *bias, int out_channels, int kernel, int stride, int padding,
                        int dilation, int groups, enum activation activation, float *y)
{
    const int rows = (height + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    const int columns = (width + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    const int inner = channels / groups;
    for (int o = 0; o < out_channels; o++) {
        const float *from = x + o / (out_channels / groups) * inner * height * width;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                float sum = 0.0f;
                for (int c = 0; c < inner; c++) {
                    for (int i = 0; i < kernel; i++) {
                        const int at_row = row * stride - padding + i * dilation;
                        if (at_row < 0 || at_row >= height) {
                            continue;
                        }
                        for (int j = 0; j < kernel; j++) {
                            const int at_column = column * stride - padding + j * dilation;
                            if (at_column >= 0 && at_column < width) {
                                sum += from[(c * height + at_row) * width + at_column]
                                       * (float)weight[((o * inner + c) * kernel + i) * kernel + j];
                            }
                        }
                    }
                }
                *y++ = activated(sum * steps[o] + bias[o], activation);
            }
        }
    }
}

static void batch_norm(float *x, int channels, int size, const float *scale, const float *shift)
{
    for (int c = 0; c < channels; c++) {
        for (int i = 0; i < size; i++, x++) {
            *x = scale[c] * *x + shift[c];
        }
    }
}

static void max_pool(const float *x, int channels, int height, int width, int kernel, int stride, int padding, float *y)
{
    for (int c = 0; c < channels; c++, x += height * width) {
        for (int top = -padding; top + kernel <= height + padding; top += stride) {
            for (int left = -padding; left + kernel <= width + padding; left += stride) {
                float best = -INFINITY;
                for (int i = top < 0 ? 0 : top; i < top + kernel && i < height; i++) {
                    for (int j = left < 0 ? 0 : left; j < left + kernel && j < width; j++) {
                        best = x[i * width + j] > best ? x[i * width + j] : best;
                    }
                }
                *y++ = best;
            }
        }
    }
}

static void avg_pool(const float *x, int channels, int height, int width, int kernel, int stride, int padding, float *y)
{
    for (int c = 0; c < channels; c++, x += height * width) {
        for (int top = -padding; top + kernel <= height + padding; top += stride) {
            for (int left = -padding; left + kernel <= width + padding; left += stride) {
                float sum = 0.0f;
                int count = 0; /* padding does not count */
                for (int i = top < 0 ? 0 : top; i < top + kernel && i < height; i++) {
                    for (int j = left < 0 ? 0 : left; j < left + kernel && j < width; j++, count++) {
                        sum += x[i * width + j];
                    }
                }
                *y++ = sum / (float)count;
            }
        }
    }
}

static void global_avg_pool(const float *x, int channels, int size, float *y)
{
    for (int c = 0; c < channels; c++) {
        float sum = 0.0f;
        for (int i = 0; i < size; i++) {
            sum += *x++;
        }
        y[c] = sum / (float)size;
    }
}

static void linear(const float *x, int features, const float *weight, const float *bias, int out_features,
                   enum activation activation, float *y)
{
    for (int o = 0; o < out_features; o++) {
        float sum = bias[o];
        for (int i = 0; i < features; i++) {
            sum += weight[o * features + i] * x[i];
        }
        y[o] = activated(sum, activation);
    }
}

static void linear_int8(const float *x, int features, const signed char *weight, const float *steps,
                        const float *bias, int out_features, enum activation activation, float *y)
{
    for (int o = 0; o < out_features; o++) {
        float sum = 0.0f;
        for (int i = 0; i < features; i++) {
            sum += (float)weight[o * features + i] * x[i];
        }
        y[o] = activated(sum * steps[o] + bias[o], activation);
    }
}

static void activate(float *x, int size, enum activation activation)
{
    for (int i = 0; i < size; i++) {
        x[i] = activated(x[i], activation);
    }
}

static void add(float *x, const float *other, int size)
{
    for (int i = 0; i < size; i++) {
        x[i] += other[i];
    }
}

static void multiply(float *x, const float *factor, int size)
{
    for (int i = 0; i < size; i++) {
        x[i] *= factor[i];
    }
}

static void scale(float *x, const float *factors, int channels, int size)
{
    for (int c = 0; c < channels; c++) {
        for (int i = 0; i < size; i++) {
            *x++ *= factors[c];
        }
    }
}

static void copy(const float *x, int size, float *y)
{
    memmove(y, x, (size_t)size * sizeof(float));
}

static void zero(float *y, int size)
{
    memset(y, 0, (size_t)size * sizeof(float));
}
