/* Reads normalised images (float32) from standard input, writes their logits (float32) to standard output. */
#include <stdio.h>

#include "model.h"

int main(void)
{
    static float image[MODEL_INPUTS];
    float logits[MODEL_CLASSES];
    while (fread(image, sizeof(float), MODEL_INPUTS, stdin) == MODEL_INPUTS) {
        model_run(image, logits);
        if (fwrite(logits, sizeof(float), MODEL_CLASSES, stdout) != MODEL_CLASSES) {
            return 1;
        }
    }
    return 0;
}
